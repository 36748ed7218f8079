# Draws the pictures of `./run.sh bench --plot` from the tables beside them. The argument is the
# number of stages. Text and axes are grey, and nothing is behind them: readable on light and dark.
stages = ARG1 + 1
set terminal svg size 720,400 dynamic font "sans-serif,13" background rgb "#ffffff00"
grey = "#7d7d7d"
colors = "#8c8c8c #d9822b #2b83d9 #2ca05a #c0392b #8a5cc7"
color(i) = word(colors, int(i))
points = "7 5 9 11 13 6"
number(text) = int(text)
set border 3 lc rgb grey
set tics nomirror textcolor rgb grey
set grid ytics lc rgb grey lw 0.3
set datafile missing "?"
unset key

# A line of each stage, with its name in its color where it ends.
set style data linespoints
set logscale y 10
set autoscale yfix # no decade that is empty
set ylabel "ns for a page freed and allocated" textcolor rgb grey
set rmargin 10
set offsets graph 0, graph 0.02, graph 0.05, graph 0.05
lines(name) = "plot for [c=2:stages] '".name.".data' using 1:c lc rgb color(c - 1) lw 2 ".\
    "pt number(word(points, c - 1)) ps 0.7, for [i=1:stages - 1] '".name.".ends' using ".\
    "1:($5 == i ? $3 : NaN):4 with labels left offset 1,0 textcolor rgb color(i)"

set title "What a page costs as memory grows: a search grows with it" \
    textcolor rgb grey
set logscale x 2
set xlabel "memory in MiB, 90 % of it used" textcolor rgb grey
set output "memory.svg"
eval lines("memory")

set title "What a page costs as memory fills up: hardly more, unless it is looked for" \
    textcolor rgb grey
unset logscale x
set xlabel "percent of the memory that is used" textcolor rgb grey
set xrange [48:100]
set output "occupancy.svg"
eval lines("occupancy")

# Two bars of each stage, with their heights above: a 0 is a bar too.
set title "What is left whole: lowest address first keeps free pages together" \
    textcolor rgb grey
unset logscale
set style fill solid 0.8 noborder
set boxwidth 0.38
set rmargin 2
set offsets 0, 0, 0, 0
set grid noytics
set key below center horizontal textcolor rgb grey
set xrange [0.5:*]
set yrange [0:112]
set xtics scale 0
set xlabel ""
set ylabel "percent of the 2 MiB blocks that could be free" textcolor rgb grey
set output "wholeness.svg"
plot "wholeness.data" using ($0 + 0.8):2 with boxes lc rgb "#2b83d9" title "after mixed", \
     "" using ($0 + 1.2):3 with boxes lc rgb "#d9822b" title "after churn from random 50 %", \
     "" using ($0 + 0.8):($2 + 4):(sprintf("%.0f", $2)) with labels textcolor rgb grey notitle, \
     "" using ($0 + 1.2):($3 + 4):(sprintf("%.0f", $3)) with labels textcolor rgb grey notitle, \
     "" using ($0 + 1):(0):xtic(1) with points pointtype -1 notitle
