# Draws the pictures of `./run.sh bench --plot` from the tables beside them. The argument is the
# number of stages. Text and axes are grey, and nothing is behind them: readable on light and dark.
stages = ARG1 + 1
set terminal svg size 720,400 dynamic font "sans-serif,13" background rgb "#ffffff00"
grey = "#7d7d7d"
set border 3 lc rgb grey
set tics nomirror textcolor rgb grey
set key outside right textcolor rgb grey
set grid ytics lc rgb grey lw 0.3
set datafile missing "?"
set style line 1 lc rgb "#8c8c8c" lw 2 pt 7 ps 0.6
set style line 2 lc rgb "#d9822b" lw 2 pt 5 ps 0.6
set style line 3 lc rgb "#2b83d9" lw 2 pt 9 ps 0.7
set style line 4 lc rgb "#2ca05a" lw 2 pt 11 ps 0.7
set style line 5 lc rgb "#c0392b" lw 2 pt 13 ps 0.7
set style data linespoints

set ylabel "ns for a page freed and allocated" textcolor rgb grey
set logscale y 10
set logscale x 2
set xlabel "memory in MiB, 90 % of it used" textcolor rgb grey
set output "memory.svg"
plot for [c=2:stages] "memory.data" using 1:c ls c - 1 title columnheader(c)

unset logscale
set logscale y 10
set xlabel "percent of the memory that is used" textcolor rgb grey
set xrange [45:104]
set output "occupancy.svg"
plot for [c=2:stages] "occupancy.data" using 1:c ls c - 1 title columnheader(c)

unset logscale
set autoscale x
set style data histograms
set style fill solid 0.8 noborder
set boxwidth 0.9
set yrange [0:105]
set xlabel ""
set ylabel "percent of the 2 MiB blocks that could be free" textcolor rgb grey
set output "wholeness.svg"
plot "wholeness.data" using 2:xtic(1) lc rgb "#2b83d9" title "after mixed", \
     "" using 3 lc rgb "#d9822b" title "after churn from random 50 %"
