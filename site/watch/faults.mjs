/* The faults that can be watched: lines of tests/mutants/faults, by what stands behind their file.
 * site.sh plants each in a copy of alloc/ and builds that. */
export const faults = {
    'fault-shift': {
        title: '1 << 32: a shift of an int',
        file: 'alloc/words.h', entry: 'a shift of an int',
        what: '1 << (i % 64) is an int: bit 32 is bit 0 again, and bit 31 sets all above it',
        stage: 'stack', work: 'churn',
    },
    'fault-free-twice': {
        title: 'a double free is believed',
        file: 'alloc/bitmap.c', entry: 'a double free is not refused',
        what: 'nobody looks whether the pages are free already',
        stage: 'bitmap', calls: 'add 0 256\nalloc 3\nalloc 5\nfree #2\nfree #2\nalloc 8',
    },
    'fault-no-merge': {
        title: 'buddies never merge upwards',
        file: 'alloc/buddy.c', entry: 'blocks never merge upwards',
        what: 'the last of several blocks that are freed does not look at the buddy behind it',
        stage: 'buddy', calls: 'add 0 256\nalloc 16\nfree 6 2\nfree 0 6\nalloc 8',
    },
    'fault-bound': {
        title: 'a longer run stays unknown',
        file: 'alloc/tree.c', entry: 'a run that a free makes longer stays unknown',
        what: 'the bound of a chunk is not raised when pages come back',
        stage: 'tree', work: 'odd',
    },
    'fault-stack': {
        title: 'a word that was dropped seems to be on the stack',
        file: 'alloc/stack.c', entry: 'a word that was dropped still says that it is on the stack',
        what: 'links[dropped] is not set to OFF_STACK, so the word is never pushed again',
        stage: 'stack', work: 'churn',
    },
};
