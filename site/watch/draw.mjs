/* Draws what a player knows on canvases, in the page's colours. */

const FREE = 2, ABSENT = 0;
const OLD = 600; /* calls after which a page has its palest colour */

/* A colour that the page's style names. */
function colours(element) {
    const style = getComputedStyle(element);
    return name => style.getPropertyValue(`--watch-${name}`).trim();
}

/* A canvas of so many pixels of the page, sharp on any screen. */
function begin(canvas, width, height) {
    const scale = globalThis.devicePixelRatio || 1;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext('2d');
    context.scale(scale, scale);
    return context;
}

/* ---- pages ---- */

export function mapShape(width, pages) {
    let columns = width >= 700 ? 128 : 64;
    if (pages > 4096 && width >= 700)
        columns = 256;
    const cell = Math.max(2, Math.min(14, Math.floor(width / columns * 4) / 4));
    return {columns, cell, rows: Math.ceil(pages / columns)};
}

/* Which of the seven colours: by the order of the run's size. */
export function colourOf(n) {
    return Math.min(6, Math.ceil(Math.log2(n)));
}

/* A cell for each page. A run is one piece; the pages of the last call have a frame. */
export function drawMap(canvas, player, width) {
    const {columns, cell, rows} = mapShape(width, player.pages);
    const context = begin(canvas, columns * cell, rows * cell), colour = colours(canvas);
    const map = player.map(), owners = player.owners();
    const sizes = Array.from({length: 7}, (_, order) => colour(`size-${order}`));
    const free = colour('free'), lost = colour('lost');
    for (let page = 0; page < player.pages; page++) {
        if (map[page] === ABSENT)
            continue;
        const x = page % columns * cell, y = Math.floor(page / columns) * cell;
        const owner = owners[page], isHeld = map[page] !== FREE;
        const isSame = isHeld && owner !== 0 && owners[page + 1] === owner && map[page + 1] === 1;
        const gap = cell >= 4 ? 1 : 0;
        context.globalAlpha = 1;
        if (isHeld && owner !== 0) {
            const age = player.position - owner;
            context.globalAlpha = 1 - 0.55 * Math.min(1, age / OLD);
            context.fillStyle = sizes[colourOf(player.holder(owner).n)];
        } else {
            context.fillStyle = isHeld ? lost : free;
        }
        context.fillRect(x, y, cell - (isSame ? 0 : gap), cell - gap);
    }
    context.globalAlpha = 1;
    frameLast(context, player, columns, cell, colour('frame'));
}

function frameLast(context, player, columns, cell, colour) {
    const {page, n} = player.last ?? {};
    if (page === undefined || player.calls[player.position - 1].op === 'add')
        return;
    context.strokeStyle = colour;
    context.lineWidth = 2;
    for (let at = page; at < page + n;) {
        const end = Math.min(page + n, (Math.floor(at / columns) + 1) * columns);
        context.strokeRect(at % columns * cell, Math.floor(at / columns) * cell,
            (end - at) * cell, cell);
        at = end;
    }
}

/* The page under a point of the map. */
export function pageAt(canvas, player, width, {offsetX, offsetY}) {
    const {columns, cell} = mapShape(width, player.pages);
    const column = Math.floor(offsetX / cell);
    const page = Math.floor(offsetY / cell) * columns + column;
    return column < columns && page >= 0 && page < player.pages ? page : undefined;
}

/* All pages in one strip, a column for as many as it takes: the share that is free stands at the
 * bottom, what is held above it. A frame shows the `n` pages from `first` on. */
export function drawStrip(canvas, map, first, n, width) {
    const height = 28, context = begin(canvas, width, height), colour = colours(canvas);
    const free = colour('free'), held = colour('size-0');
    for (let x = 0; x < width; x++) {
        const from = Math.floor(x * map.length / width);
        const end = Math.max(from + 1, Math.floor((x + 1) * map.length / width));
        let frees = 0, absents = 0;
        for (let page = from; page < end; page++) {
            frees += map[page] === FREE;
            absents += map[page] === ABSENT;
        }
        const top = absents / (end - from) * height;
        const middle = height - frees / (end - from) * height;
        context.fillStyle = held;
        context.fillRect(x, top, 1, middle - top);
        context.fillStyle = free;
        context.fillRect(x, middle, 1, height - middle);
    }
    context.strokeStyle = colour('frame');
    context.lineWidth = 2;
    context.strokeRect(first / map.length * width + 1, 1,
        Math.max(4, n / map.length * width) - 2, height - 2);
}

/* ---- words ---- */

/* The words of a table, a small cell for each bit, the lowest on the left. Behind a word that was
 * read stands one colour, behind one that was written another. */
export function drawBits(canvas, player, table, touched, width) {
    const inWord = Math.min(64, table.bits), bit = width >= 560 ? 2 : 1.5, gap = 5, height = 10;
    const wide = inWord * Math.max(bit, table.bits <= 64 ? 4 : 0) + gap;
    const size = (wide - gap) / inWord;
    const columns = Math.max(1, Math.min(table.count, Math.floor(width / wide)));
    const context = begin(canvas, columns * wide, Math.ceil(table.count / columns) * height);
    const colour = colours(canvas);
    const lit = new Map(touched.filter(touch => touch.table === table)
        .map(touch => [touch.at, touch.writes > 0 ? 'written' : 'read']));
    for (let at = 0; at < table.count; at++) {
        const x = at % columns * wide, y = Math.floor(at / columns) * height;
        const bits = Math.min(64, table.bits - at * 64);
        const kind = lit.get(at);
        if (kind) {
            context.fillStyle = colour(kind);
            context.fillRect(x, y, bits * size + 2, height - 1);
        }
        context.fillStyle = colour(kind ? `bit-${kind}` : 'bit-clear');
        context.globalAlpha = kind ? 0.3 : 1;
        context.fillRect(x + 1, y + 2, bits * size, height - 5);
        context.globalAlpha = 1;
        context.fillStyle = colour(kind ? `bit-${kind}` : 'bit');
        const word = player.value(table, at);
        for (let i = 0; i < bits; i++)
            if (word >> BigInt(i) & 1n)
                context.fillRect(x + 1 + i * size, y + 2, size >= 3 ? size - 1 : size, height - 5);
    }
}
