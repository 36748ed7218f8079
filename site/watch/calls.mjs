/* The calls that the page plays: workloads, and one's own, a line each.
 *
 *     alloc 3            alloc 8 align 8       free #12          what call 12 got
 *     alloc_at 40 2      free 40 2             add 0 512         pages by their number
 *
 * What is freed is named by the call that got it, not by its address: so the same calls go to every
 * stage, wherever each puts its pages. */

const NUMBER = /^[0-9]{1,9}$/;
export const MOST_CALLS = 20000;

/* A line as a call, {op, ...}; throws an Error that says what is wrong with it. */
export function parseCall(line) {
    const words = line.trim().split(/\s+/), [op, ...rest] = words;
    const numbers = rest.filter(word => NUMBER.test(word)).map(Number);
    const has = form => form.length === rest.length &&
        form.every((word, at) => word === 'n' ? NUMBER.test(rest[at]) : word === rest[at]);
    if (op === 'alloc' && has(['n']))
        return {op, n: numbers[0], align: 1};
    if (op === 'alloc' && has(['n', 'align', 'n']))
        return {op, n: numbers[0], align: numbers[1]};
    if (op === 'free' && rest.length === 1 && /^#[1-9][0-9]{0,5}$/.test(rest[0]))
        return {op, of: +rest[0].slice(1)};
    if (['free', 'alloc_at', 'add'].includes(op) && has(['n', 'n']))
        return {op, page: numbers[0], n: numbers[1]};
    throw new Error(`“${line.trim()}” is no call: write “alloc 3”, “alloc 8 align 8”, “free #2”, ` +
        '“free 40 2”, “alloc_at 40 2” or “add 0 512”');
}

export function parseCalls(text) {
    const lines = text.split('\n').map((line, at) => [line.replace(/\/\/.*/, ''), at + 1])
        .filter(([line]) => line.trim());
    if (lines.length > MOST_CALLS)
        throw new Error(`${lines.length} calls: ${MOST_CALLS} are the most`);
    return lines.map(([line, number]) => {
        try {
            return parseCall(line);
        } catch ({message}) {
            throw new Error(`line ${number}: ${message}`);
        }
    });
}

export function callText({op, n, align, of, page}) {
    if (op === 'alloc')
        return `alloc ${n}${align > 1 ? ` align ${align}` : ''}`;
    return of ? `${op} #${of}` : `${op} ${page} ${n}`;
}

/* ---- workloads ---- */

/* Marsaglia's xorshift, as in tests/xorshift.h: the same calls each time. */
function chance() {
    let state = 2463534242;
    return bound => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return Math.floor((state >>> 0) / 2 ** 32 * bound);
    };
}

/* What a workload writes with: its calls, and what it holds, as numbers of calls. */
class Hands {
    calls = [];
    held = [];
    used = 0;
    below = chance();

    constructor(pages) {
        this.calls.push({op: 'add', page: 0, n: pages});
    }

    take(n, align = 1) {
        this.calls.push({op: 'alloc', n, align});
        this.held.push([this.calls.length, n]);
        this.used += n;
    }

    give(at) {
        const [of, n] = this.held[at];
        this.held[at] = this.held.at(-1);
        this.held.pop();
        this.calls.push({op: 'free', of});
        this.used -= n;
    }

    giveAny() {
        this.give(this.below(this.held.length));
    }

    /* Orders 0 to `most`, each half as likely as the one below, aligned as orders are. */
    takeOrder(most) {
        let order = 0;
        while (order < most && this.below(2))
            order++;
        this.take(1 << order, 1 << order);
    }
}

export const workloads = {
    churn: {
        title: 'Single pages come and go at 75 %',
        make(hands, pages) {
            while (hands.used < pages * 3 / 4)
                hands.take(1);
            while (hands.calls.length < pages * 2) {
                hands.giveAny();
                hands.take(1);
            }
        },
    },
    mixed: {
        title: 'Aligned runs of 1 to 64 pages at 75 %',
        make(hands, pages) {
            while (hands.used < pages * 3 / 4)
                hands.takeOrder(6);
            while (hands.calls.length < pages * 2) {
                hands.giveAny();
                hands.takeOrder(6);
            }
        },
    },
    odd: {
        title: 'Runs of three pages, up and down',
        make(hands, pages) {
            while (hands.calls.length < pages * 2) {
                while (hands.used < pages * 7 / 10)
                    hands.take(3);
                while (hands.used > pages / 2)
                    hands.giveAny();
            }
        },
    },
    fill: {
        title: 'All memory taken, then freed at random',
        make(hands, pages) {
            while (hands.used < pages)
                hands.take(1);
            while (hands.held.length > 0)
                hands.giveAny();
        },
    },
    refuse: {
        title: 'Every other page free, and two asked for',
        make(hands, pages) {
            while (hands.used < pages)
                hands.take(1);
            for (let at = pages - 1; at > 0; at -= 2)
                hands.calls.push({op: 'free', of: at + 1});
            for (let times = 0; times < 8; times++)
                hands.take(2);
        },
    },
};

/* The calls of a workload for so many pages. */
export function callsOf(name, pages) {
    const hands = new Hands(pages);
    workloads[name].make(hands, pages);
    return hands.calls.slice(0, MOST_CALLS);
}
