# What a console shows and other tools print otherwise: names of values that vary, and counts. In
# README.md here it says how a block names them. Under the reference tools what is shown is compared
# as it stands; under others a name stands for what was printed in its place, wherever it recurs.
package Vary;
use strict;
use warnings;
no warnings 'portable';    # addresses have 64 bits
use Exporter qw(import);

use Book;

our @EXPORT = qw(set_tools begin_text begin_block end_block typed fits match varies bind_loosely
    renamed_blocks check_prose);

# How a line is compared: do names stand for anything, are runs of spaces one, are counts compared
# by their order?
my %lenient = (names => 0, spaces => 0, counts => 0);

# Of the text that is played: its names, each with the name and the distance that it is computed of
# if it is; what was printed for them; whether the block shows counts, and those that it has shown
# by now; names that other values have been printed for, block by block.
my (%names, %value, $has_counts, @counts, @renamed);

# Which tools are here, and whether they are the reference.
my ($tools, $is_reference) = ('', 1);

# ---- the tools that are here ----

# Says which tools are here, and whether they are the reference.
sub tools {
    my ($wanted) = map { /(clang \d+, QEMU \d+\.\d+, OpenSBI \d+\.\d+)/ ? $1 : () }
        read_lines("$book/README.md");
    die "chapters/README.md does not name the reference tools\n" if !defined $wanted;
    my $here = join ', ', 'clang ' . clang_version(), 'QEMU ' . qemu_version(),
        'OpenSBI ' . firmware_version();
    my $said = $ENV{BOOK_TOOLS} || '';
    die "BOOK_TOOLS=$said: there are reference and other\n" if $said !~ /^(?:reference|other|)$/;
    return ($here, $said ? $said eq 'reference' : $here eq $wanted);
}

sub clang_version {
    my ($version) = `clang -dumpversion 2>/dev/null` =~ /^(\d+)/;
    return defined $version ? $version : 'none';
}

sub qemu_version {
    my ($version) = `qemu-system-riscv64 --version 2>/dev/null` =~ /version (\d+\.\d+)/;
    return defined $version ? $version : 'none';
}

# Only a boot shows it.
sub firmware_version {
    my $version = 'none';
    my $qemu = open my $console, '-|', 'exec qemu-system-riscv64 -machine virt -bios default '
        . '-display none -monitor none -serial stdio </dev/null 2>&1' or return $version;
    eval {
        local $SIG{ALRM} = sub { die "silent\n" };
        alarm 60;
        while (<$console>) { last if /^OpenSBI v(\d+\.\d+)/ and $version = $1 }
        alarm 0;
    };
    kill 'KILL', $qemu;
    close $console;
    return $version;
}

# ---- names ----

# How texts are compared from here on: exactly, or as the tools that are here make it necessary.
# Where a text is to show what is printed, names are never compared as they stand.
sub set_tools {
    my ($accepts) = @_;
    ($tools, $is_reference) = tools();
    @lenient{qw(spaces counts)} = (!$is_reference) x 2;
    $lenient{names} = $accepts || !$is_reference;
    return $is_reference ? () : "$tools: not the reference";
}

sub begin_text {
    %names = %value = ();
    @renamed = ();
}

# Take over what the line above a block names, and see that the block and its names fit.
sub begin_block {
    my ($step, @commands) = @_;
    ($has_counts, @counts) = (0);
    my ($kind, @words) = split ' ', $step->{varies} || '';
    return if !$kind;
    $has_counts = 1, ($kind, @words) = @words if $kind eq 'counts';
    my $shown = join '', map { $_->[0] } map { @{$_->{expected}} } @commands;
    for my $word (@words) {
        my ($name, $base, $distance) = $word =~ /^(0x[0-9a-f]+|\d+)(?:=(0x[0-9a-f]+)([-+]\d+))?$/
            or wrong($step->{place}, "'$word' is no name: 0x80, 128 and 0x84=0x80+4 are some");
        wrong($step->{place}, "$base, which $name is computed of, is not named before it")
            if defined $base && !$names{$base};
        wrong($step->{place}, "$name varies, and this block does not show it")
            if !defined $base && $shown !~ pattern_for($name);
        $names{$name} = {base => $base, distance => $distance};
        delete $value{$name};
        for my $command (grep { $_->{text} =~ pattern_for($name) && !defined $base } @commands) {
            wrong($command->{place}, "$name is printed by this block: what is typed then is for a "
                    . 'block of its own');
        }
    }
}

# What was printed for a name by now, if something was.
sub value_of {
    my ($name, $values) = @_;
    my ($base, $distance) = @{$names{$name}}{qw(base distance)};
    return $values->{$name} if !defined $base;
    my $of = value_of($base, $values);
    return defined $of ? sprintf '%x', hex($of) + $distance : undef;
}

# What occurrences of a name look like: an address also with zeros before it, and one of many
# digits without its 0x.
sub pattern_for {
    my ($name) = @_;
    my ($digits) = $name =~ /^0x0*(.*)$/;
    return qr/(?<![\w.])$name(?![\w.])/ if !defined $digits;
    my $bare = length $digits < 6 ? '(?=(?:[0-9a-f]{8}){1,2}\b)0+' : '0*';
    return qr/(?<!\w)(?:0x0*|$bare)$digits(?!\w)/;
}

# The name that begins at the place in a text where the last match ended, and how it is written.
sub name_at {
    my ($text) = @_;
    for my $name (keys %names) {
        my $pattern = pattern_for($name);
        return ($name, $1) if $$text =~ /\G($pattern)/gc;
    }
    return;
}

# A text with what was printed in the place of each name, written as that is.
sub with_values {
    my ($text, $values) = @_;
    my @names = keys %$values or return $text;
    my $any = join '|', map { pattern_for($_) } @names;
    $text =~ s{$any}{
        my $old = $&;
        my ($name) = grep { my $pattern = pattern_for($_); $old =~ /^$pattern$/ } @names;
        my ($begin, $digits) = $old =~ /^(0x)?(.*)$/;
        my $zeros = $digits =~ /^0/ ? length($digits) - length $values->{$name} : 0;
        (defined $begin ? $begin : '') . '0' x ($zeros > 0 ? $zeros : 0) . $values->{$name}
    }ge;
    return $text;
}

# A command as it is typed here.
sub typed {
    my ($command) = @_;
    return $command->{text} if !$lenient{names};
    my %values;
    for my $name (grep { $command->{text} =~ pattern_for($_) } keys %names) {
        $values{$name} = value_of($name, \%value);
        wrong($command->{place}, "$name was not printed before this") if !defined $values{$name};
    }
    return with_values($command->{text}, \%values);
}

# ---- lines ----

# The pattern of a shown line, and what its groups stand for: names, or counts.
sub pattern_of {
    my ($shown, $values) = @_;
    my ($pattern, @groups, %group) = ('');
    my $is_code = $lenient{spaces} && $shown =~ /^\s*[0-9a-f]{6,}:\s/;    # llvm-objdump's
    $shown =~ s/^\s+// if $lenient{spaces};
    pos($shown) = 0;
    while (pos $shown < length $shown) {
        my ($name, $as);
        if ($shown =~ /\G…/gc) {
            $pattern .= '.*';
        } elsif ($lenient{spaces} && $shown =~ /\G\s+/gc) {
            $pattern .= '\s+';
        } elsif ($lenient{names} && (($name, $as) = name_at(\$shown))) {
            my $value = value_of($name, $values);
            my $is_address = $name =~ /^0x/;
            $pattern .= $as =~ /^0x/ ? '0x0*' : $is_address ? '0*' : '';
            if (defined $value) {
                $pattern .= "$value(?![0-9a-z])";
            } elsif ($group{$name}) {
                $pattern .= "\\g{$group{$name}}(?![0-9a-z])";
            } else {
                push @groups, $name;
                $group{$name} = @groups;
                $pattern .= $is_address ? '([0-9a-f]+)(?![0-9a-z])' : '(\d+)(?!\d)';
            }
        } elsif ($is_code && $shown =~ /\G(?<![\w.])(\d+)(?![\w.])/gc) {
            $pattern .= sprintf '(?:%d|0x%x)', $1, $1;
        } elsif ($lenient{counts} && $has_counts
            && $shown =~ /\G(?<![\w.])(\d+(?:\.\d+)?)(?![\w.])/gc) {
            push @groups, [$1];
            $pattern .= '(\d+(?:\.\d+)?)';
        } else {
            $shown =~ /\G(.)/gcs;
            $pattern .= quotemeta $1;
        }
    }
    return ($lenient{spaces} ? qr/^\s*$pattern$/ : qr/^$pattern$/, @groups);
}

# What a printed line adds to the values and to the pairs of counts if it is what is shown; nothing
# if it is not. A number that is as shown, such as a size, is not compared with counts.
sub fit_of {
    my ($shown, $text, $values) = @_;
    my ($pattern, @groups) = pattern_of($shown, $values);
    my @printed = $text =~ $pattern or return;
    my (%values, @pairs);
    for my $group (@groups) {
        my $printed = shift @printed;
        push @pairs, [$group->[0], $printed] if ref $group && $group->[0] ne $printed;
        $values{$group} = $printed if !ref $group;
    }
    # A value that is computed fits the one that it is computed of, where one line has both first.
    for my $name (grep { $names{$_}{base} } keys %values) {
        my $value = value_of($name, {%$values, %values});
        return if !defined $value || $value ne delete $values{$name};
    }
    return {values => \%values, pairs => \@pairs};
}

# Is a text what is shown for it, where … is any?
sub fits {
    my ($shown, $text) = @_;
    return defined fit_of($shown, $text, \%value);
}

# ---- what a command prints ----

# Are the printed lines the expected ones? A line … is any lines, a … in a line anything in it.
# Returns what is wrong, if something is: the place of the line, undefined for the end, and those
# printed lines that may be the next. What was printed for names counts from then on.
sub match {
    my ($expected, $found) = @_;
    my @reached = {at => 0, values => {%value}, pairs => []};
    for my $each (@$expected) {
        my ($line, $place) = @$each;
        $line =~ s/\s+$//;
        my @next = map { $line eq '…' ? any_further($_, $found) : one_further($_, $line, $found) }
            $line eq '…' ? shortest(@reached) : @reached;
        return {place => $place, line => $line, at => [map { $_->{at} } @reached]} if !@next;
        @reached = distinct(@next);
    }
    my @whole = grep { $_->{at} == @$found } @reached
        or return {at => [sort { $b <=> $a } map { $_->{at} } @reached]};
    my @ordered = grep { !disorder(@counts, @{$_->{pairs}}) } @whole
        or return {disorder => disorder(@counts, @{$whole[0]{pairs}})};
    %value = %{$ordered[0]{values}};
    push @counts, @{$ordered[0]{pairs}};
    return;
}

sub one_further {
    my ($from, $line, $found) = @_;
    return if $from->{at} >= @$found;
    my $fit = fit_of($line, $found->[$from->{at}], $from->{values}) or return;
    return {at => $from->{at} + 1, values => {%{$from->{values}}, %{$fit->{values}}},
        pairs => [@{$from->{pairs}}, @{$fit->{pairs}}]};
}

sub any_further {
    my ($from, $found) = @_;
    return map { {%$from, at => $_} } $from->{at} .. @$found;
}

sub values_as_text {
    my ($values) = @_;
    return join ' ', map { "$_=$values->{$_}" } sort keys %$values;
}

# Of what has come equally far with equal values, the first.
sub distinct {
    my %seen;
    return grep { !$seen{"$_->{at} " . values_as_text($_->{values})}++ } @_;
}

# Of what has equal values, that which has come least far.
sub shortest {
    my %seen;
    return grep { !$seen{values_as_text($_->{values})}++ } sort { $a->{at} <=> $b->{at} } @_;
}

# Of counts, pairs of what is shown and printed: two of them that are clearly in another order, as a
# sentence. Clearly is by half of the smaller.
sub disorder {
    my @pairs = sort { $a->[0] <=> $b->[0] } @_;
    my $most;    # of those that are printed for less
    my $next = 0;
    for my $pair (@pairs) {
        for (; $pairs[$next][0] * 1.5 < $pair->[0]; $next++) {
            $most = $pairs[$next] if !$most || $pairs[$next][1] > $most->[1];
        }
        return "shown are $most->[0] and $pair->[0], printed in their places $most->[1] and "
            . "$pair->[1]: not in this order" if $most && $most->[1] >= $pair->[1];
    }
    return;
}

# ---- when a text is to show what is printed ----

# Is what is shown for a command for the reference tools only to write?
sub varies {
    my ($command) = @_;
    return 0 if $is_reference;
    my $shown = join '', map { $_->[0] } @{$command->{expected}};
    return $has_counts || grep { $shown =~ pattern_for($_) } keys %names;
}

# Where a command prints something else: what its names stand for in those lines that fit.
sub bind_loosely {
    my ($shown, $found) = @_;
    local $lenient{spaces} = 1;
    for my $line (@$shown) {
        my ($fit) = grep { defined } map { fit_of($line, $_, \%value) } @$found;
        %value = (%value, %{$fit->{values}}) if $fit && $line ne '…';
    }
}

# A block was played: keep what its names stand for now.
sub end_block {
    return if !$is_reference;    # what other tools print is nobody's to write
    my %now = map { $_ => value_of($_, \%value) } keys %names;
    delete @now{grep { !defined $now{$_} || $_ =~ /^(?:0x0*)?\Q$now{$_}\E$/ } keys %now};
    push @renamed, \%now;
}

# The lines of a text with what was printed in the place of each name, in its consoles and in the
# lines above them. The blocks are those that were played, in their order.
sub renamed_blocks {
    my @lines = @_;
    my @kinds = kinds_of_lines(@lines);
    my $block;
    my @left = @renamed;
    for my $at (0 .. $#lines) {
        my $opens = $kinds[$at] eq 'fence' && $lines[$at] =~ /^`+console\b/;
        $block = shift @left if $opens;
        $lines[$at] = with_values($lines[$at], $block)
            if $block && ($opens || $kinds[$at] eq 'console');
    }
    return @lines;
}

# ---- prose ----

# Prose says nothing of a value that varies.
sub check_prose {
    my ($text) = @_;
    my @names = map { s/=.*//r } grep { /^(?:0x)?\d/ } map { split ' ', $_->{varies} || '' }
        steps($text);
    my @lines = read_lines($text);
    my @kinds = kinds_of_lines(@lines);
    for my $at (grep { $kinds[$_] eq 'prose' } 0 .. $#lines) {
        for my $name (@names) {
            wrong(name_of($text) . ':' . ($at + 1), "prose tells of $name, which varies")
                if $lines[$at] =~ pattern_for($name);
        }
    }
}

1;
