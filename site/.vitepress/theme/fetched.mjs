/* What the build of the allocators left in watch/, fetched once for all that show it. */
import {withBase} from 'vitepress';

const fetched = {};

/* What fails is tried again by the next who asks. */
function once(file, read) {
    fetched[file] ??= fetch(withBase(`/watch/${file}`)).then(answer => {
        if (!answer.ok)
            throw new Error(`watch/${file}: ${answer.status} ${answer.statusText}`);
        return read(answer);
    }).catch(error => {
        delete fetched[file];
        throw error;
    });
    return fetched[file];
}

/* A compiled module of WebAssembly: 'fast', 'traced', 'counted', or with a fault in it. */
export function moduleOf(name) {
    return once(`${name}.wasm`, async answer => WebAssembly.compile(await answer.arrayBuffer()));
}

/* The sources of a module that counts, as ../../listing.mjs wrote them. */
export function listingOf(name) {
    return once(`${name}.json`, answer => answer.json());
}
