#!/usr/bin/env perl
# summary.pl REPORT EQUIVALENT EVERY: what became of the mutants of a report of run.sh. Ends with 0
# if every survivor is in the list of equivalents, none of the list was killed, and, if EVERY is 1,
# the self-test alone killed 90 % or more of those of alloc/, but for harts, that are not equivalent.
use strict;
use warnings;

my ($report, $list, $every) = @ARGV;

sub lines_of {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    chomp(my @lines = <$in>);
    return @lines;
}

# "FILE: OPERATOR: OLD => NEW", without a line number: it would change with every edit above. A
# reason stands above, behind #.
my %is_equivalent = map { $_ => 1 } grep { !/^\s*(?:#|$)/ } lines_of($list);

my (%count, @survivors, %killed, %used);
my ($alloc, $alloc_by_selftest) = (0, 0);
for (lines_of($report)) {
    my ($result, $killer, undef, $place, $what) = split /\t/;
    (my $file = $place) =~ s/:\d+$//;
    my $key = "$file: $what";
    if ($is_equivalent{$key}) {
        # The same line may stand at several places, and mean the same only at some.
        if ($result =~ /^killed/) {
            $killed{$key} = "$place: $what: $result $killer";
        } elsif ($result eq 'survived') {
            $result = 'equivalent';
            $used{$key} = 1;
        }
    }
    $count{$result}++;
    # No self-test knows alloc/harts.c: it is no stage.
    if ($file =~ m{^alloc/(?!harts\.)} && $result =~ /^(?:killed|survived)/) {
        $alloc++;
        $alloc_by_selftest++ if $result eq 'killed by self-test';
    }
    push @survivors, "$place: $what" if $result eq 'survived';
}
my @wrong = $every == 1 ? map { $killed{$_} } grep { !$used{$_} } sort keys %killed : ();
my $sum = 0;
$sum += $_ for values %count;
my $made = $sum;
$sum -= $count{$_} || 0 for 'does not compile', 'same code', 'equivalent';
my $selftest = $count{'killed by self-test'} || 0;
my $survived = $count{survived} || 0;
my $killed = $sum - $survived;

my $percent = sub { $sum ? sprintf '%.1f %%', 100 * $_[0] / $sum : '-' };
printf "%6d mutants made%s\n", $made, $every > 1 ? ", every ${every}th of them all" : '';
printf "%6d do not compile\n", $count{'does not compile'} || 0;
printf "%6d compile to the code of the original or of another mutant\n", $count{'same code'} || 0;
printf "%6d are equivalent, see tests/mutants/equivalent\n", $count{equivalent} || 0;
printf "%6d are left\n", $sum;
printf "%6d %s killed by the self-test alone\n", $selftest, $percent->($selftest);
printf "%6d %s killed by the self-test and the host's tests\n", $killed, $percent->($killed);
print "survivor: $_\n" for @survivors;
print "not equivalent: $_\n" for @wrong;
my $failed = @survivors || @wrong;
if ($every == 1 && 10 * $alloc_by_selftest < 9 * $alloc) {
    print "the self-test kills too few of alloc/\n";
    $failed = 1;
}
exit($failed ? 1 : 0);
