/* How often each line ran, of the counters of a module that counts: ../listing.mjs says how. */

/* By its number, each line of a file of the listing that ran; `counters` has a number for each. */
export function linesThatRan({counts}, counters) {
    const ran = new Map();
    for (const [line, sums] of Object.entries(counts)) {
        const times = Math.max(...sums.map(sum => valueOf(sum, counters)));
        if (times > 0)
            ran.set(Number(line), times);
    }
    return ran;
}

function valueOf(sum, counters) {
    let value = 0;
    for (let at = 0; at < sum.length; at += 2)
        value += sum[at + 1] * counters[sum[at]];
    return value;
}
