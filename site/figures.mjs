/* Where a chapter has a picture of what a stage remembers, the site lets it move: behind the one
 * that begins with `behind`, these calls on this stage, shown after call `at`. */
export const figures = [
    {chapter: '07', behind: '              next                             first     next',
        stage: 'bump', pages: 256, calls: 'add 0 200;alloc 2;alloc 1;alloc 8 align 8;alloc 64 ' +
            'align 64;free #2;alloc 100', at: 4},
    {chapter: '09', behind: ' address   0x80240000', stage: 'bitmap', pages: 256,
        calls: 'add 16 240;alloc 2;alloc 1;alloc 64;free #3;alloc 8 align 8;alloc 1;free #4;' +
            'alloc 70;free #2', at: 2},
    {chapter: '10', behind: ' word    0    1    2    3', stage: 'stack', pages: 256,
        calls: 'add 0 256;alloc 64 align 64;alloc 1;alloc 1;alloc 63;free #2;alloc 1;free #4;' +
            'alloc 1;alloc 1', at: 4},
    {chapter: '11', behind: ' level 2        1 word', stage: 'tree', pages: 16384, calls: 'churn',
        at: 19000},
    {chapter: '12', behind: '   chunk      0', stage: 'tree', pages: 4096, calls: 'odd', at: 2600},
    {chapter: '13', behind: 'at first            [4', stage: 'buddy', pages: 256,
        calls: 'add 0 256;alloc 1;alloc 5;free #2;alloc 2;free #3;alloc 16 align 16;free #5;' +
            'free #7', at: 2},
    {chapter: '14', behind: '                     word 0     word 1', stage: 'radix', pages: 4096,
        calls: 'mixed', at: 3000},
];
