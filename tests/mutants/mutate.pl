#!/usr/bin/env perl
# Make mutants: copies of a source, each with one fault. `mutate.pl FOLDER FILE...` writes mutant N
# of a file to FOLDER/N and prints a line for each, with a tab between the fields:
#
#   N   alloc/bits.c:57   compare: while (words > 1) { => while (words >= 1) {
#
# `mutate.pl --check FILE...` writes nothing, and tells instead which entries of the files
# `equivalent` and `faults` quote what no longer stands in these sources, a line each.
#
# The operators are textual. They know so much of C as clang-format makes easy to see: binary
# operators stand between spaces, a statement begins a line. What does not compile is for the caller
# to pass over. The classic faults, which no operator makes, are in the file `faults`.
use strict;
use warnings;
use File::Basename;

my $number = 0;
my ($folder, @files) = @ARGV;
die "usage: mutate.pl FOLDER|--check FILE...\n" unless @files;
my $is_check = $folder eq '--check';
my $wrong = 0;

# An entry of a list that quotes no source any more.
sub wrong {
    my ($place, $message) = @_;
    print STDERR "tests/mutants/$place: $message: edit or remove this entry\n";
    $wrong++;
}

# The text with all of it blanked, character by character, that is no code. A text or character in
# quotes stays an operand: quotes.
sub code_of {
    my ($text) = @_;
    my $blank = sub {
        my $t = shift;
        my $filling = $t =~ /^["']/ ? '"' : ' ';
        $t =~ s/[^\n]/$filling/g;
        return $t;
    };
    $text =~ s{(/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')}{$blank->($1)}gse;
    $text =~ s{^((?:\#(?!define)|_Static_assert)[^\n]*)}{$blank->($1)}gme;
    return $text;
}

# The end of the expression that begins at $at: where something stands that closes it, or that binds
# less than the operators up to $level.
my %closers = (
    'and' => qr/\G\s*(?:&&|\|\||\?|:|;|,|\)|\]|\})/,
    'or' => qr/\G\s*(?:\|\||\?|:|;|,|\)|\]|\})/,
    'list' => qr/\G\s*(?:;|,|\)|\]|\})/,
);

sub end_of {
    my ($code, $at, $level) = @_;
    my $depth = 0;
    for (my $i = $at; $i < length $code; $i++) {
        pos($code) = $i;
        return $i if $depth == 0 && $code =~ /$closers{$level}/g;
        my $c = substr($code, $i, 1);
        $depth++ if $c =~ /[(\[{]/;
        $depth-- if $c =~ /[)\]}]/;
    }
    return length $code;
}

# The beginning of the operand that ends at $at.
sub begin_of {
    my ($code, $at, $level) = @_;
    my $depth = 0;
    my $stops = $level eq 'and' ? qr/(?:&&|\|\||\?|:|;|,|=(?!=)|\breturn)\s*$/
                                : qr/(?:\|\||\?|:|;|,|=(?!=)|\breturn)\s*$/;
    for (my $i = $at; $i > 0; $i--) {
        my $before = substr($code, $i > 12 ? $i - 12 : 0, $i > 12 ? 12 : $i);
        return $i if $depth == 0 && ($before =~ /[(\[{]$/ ||
            ($before =~ $stops && $before !~ /[=!<>]=\s*$/ && substr($code, $i, 1) ne '='));
        my $c = substr($code, $i - 1, 1);
        $depth++ if $c =~ /[)\]}]/;
        $depth-- if $c =~ /[(\[{]/;
    }
    return 0;
}

sub is_boolean {
    return $_[0] =~ /&&|\|\|| [<>=!]=? ?=? |^!|\b(?:true|false)\b|[<>=!]= /;
}

# All mutants of a text: [offset, length, replacement, operator].
sub mutants_of {
    my ($text) = @_;
    my $code = code_of($text);
    my @found;
    my $mutant = sub {
        my ($operator, $at, $length, @replacements) = @_;
        push @found, [$at, $length, $_, $operator] for @replacements;
    };
    my $original = sub { substr($text, $_[0], $_[1] - $_[0]) };

    # Of the faults that an operator may have at one place, one or two: the subtle ones. Where tests
    # see `<=` in place of `<`, they see `>=` too, and where one more page, also `-` in place of `+`.
    my %swaps = (
        'compare' => {
            '<' => ['<='], '<=' => ['<'], '>' => ['>='], '>=' => ['>'], '==' => ['!='], '!=' => ['=='],
        },
        'bitwise' => {
            '<<' => ['>>'], '>>' => ['<<'], '&' => ['|'], '|' => ['&'], '^' => ['|'],
            '|=' => ['^=', '='], '&=' => ['^=', '='],
        },
    );
    for my $operator (sort keys %swaps) {
        while ($code =~ / ([-+*\/%<>=!&|^]{1,2}) /g) {
            my $swap = $swaps{$operator}{$1};
            $mutant->($operator, $-[1], length $1, @$swap) if $swap;
        }
    }
    while ($code =~ /(?<![\w])(~|!)(?=[\w(*])/g) {
        $mutant->('negation', $-[1], 1, '');
    }

    # && and ||: the other one, and one side missing.
    while ($code =~ /(&&|\|\|)/g) {
        my ($at, $end) = ($-[1], $+[1]);
        my ($level, $other, $neutral) = $1 eq '&&' ? ('and', '||', 'true') : ('or', '&&', 'false');
        $mutant->('logic', $at, 2, $other);
        my $right = $end;
        $right++ while substr($code, $right, 1) =~ /\s/;
        my $right_end = end_of($code, $right, $level);
        $mutant->('bound', $right, $right_end - $right, $neutral);
        my $left = begin_of($code, $at, $level);
        $left++ while substr($code, $left, 1) =~ /\s/;
        my $left_end = $at;
        $left_end-- while substr($code, $left_end - 1, 1) =~ /\s/;
        $mutant->('bound', $left, $left_end - $left, $neutral);
    }

    # Tests: inverted, and missing.
    while ($code =~ /\b(if|while) \(/g) {
        my ($word, $at) = ($1, $+[0]);
        my $end = end_of($code, $at, 'list');
        my $test = $original->($at, $end);
        $mutant->('test', $at, $end - $at, "!($test)") if $test =~ /&&|\|\|/ || $test !~ / [=!]= /;
        $mutant->('test', $at, $end - $at, 'false');
        # Where it leads to a return, the inverted test shows what this one would.
        $mutant->('test', $at, $end - $at, 'true')
            if $word eq 'if' && substr($code, $end) !~ /^\)\s+return\b/;
    }
    while ($code =~ / \? /g) {
        my $at = begin_of($code, $-[0], 'or');
        $at++ while substr($code, $at, 1) =~ /\s/;
        my $test = $original->($at, $-[0]);
        $mutant->('test', $at, $-[0] - $at, "!($test)", 'true', 'false');
    }

    # Numbers: one less, or for 0 one more, and too narrow.
    while ($code =~ /(?<![\w.])(\d+)U?\b/g) {
        $mutant->('constant', $-[1], length $1, $1 > 0 ? $1 - 1 : 1);
    }
    while ($code =~ /(\((?:uint64_t|size_t)\) )(?=[\w(~])/g) {
        $mutant->('width', $-[1], length $1, '');
    }
    # An index that is too narrow for 64 Ki pages, 256 MiB: one that is for 2^32 shows at 16 TiB.
    while ($code =~ /^\s+(?:const )?(uint64_t|size_t) \w+(?: =|;|,)/mg) {
        $mutant->('width', $-[1], length $1, $1 eq 'size_t' ? 'uint16_t' : 'uint32_t');
    }
    while ($code =~ /\b(UINT64_MAX|SIZE_MAX)\b/g) {
        $mutant->('width', $-[1], length $1, 'UINT32_MAX');
    }
    while ($code =~ /\b(__builtin_c[tl]z)ll\b/g) {
        $mutant->('width', $-[1], $+[0] - $-[1], $1);
    }

    # What is returned and assigned: one more, or the opposite.
    while ($code =~ /(?<![*\w])(?:return|[\w.>\[\]-]+ =) ((?![{=])[^;{}]*);/g) {
        my ($at, $end) = ($-[1], $+[1]);
        my $value = $original->($at, $end);
        next if $value =~ /^\((?:void|struct)|^&/;
        if ($value =~ /^(true|false)$/) {
            $mutant->('result', $at, $end - $at, $value eq 'true' ? 'false' : 'true');
        } elsif (is_boolean($value)) {
            $mutant->('result', $at, $end - $at, 'true', 'false');
        } elsif ($value !~ /^\w+(\((?:[^()]++|(?1))*\))$/) { # the arguments of a call have mutants
            $mutant->('off by one', $at, $end - $at, "($value) + 1");
        }
    }
    # Arguments that are no pointers, as far as the text shows: one more, for an end, which then
    # takes in too much, or for what begins at 0, and one less for any other beginning. Memory orders
    # are no numbers: weaker ones are in the list tests/harts/orders.
    while ($code =~ /\b(?!if|while|for|return|sizeof|switch)[a-z]\w+\((?=[^)])/g) {
        my $at = $+[0];
        my $line = rindex($code, "\n", $-[0]) + 1;
        next if substr($code, $line, 1) =~ /\S/; # a definition or prototype, or what defines a macro
        for (;;) {
            my $end = end_of($code, $at, 'list');
            my $value = $original->($at, $end);
            my $change = $value =~ /^(?:first|from|page)\b/ ? '-' : '+';
            $mutant->('off by one', $at, $end - $at, "$value $change 1")
                if $value !~ /^(?:&|"|out$|\w$|\w+_of\(|words|numbers|meta\b|memory_order_|\(|size_t |const )|[-]>level\[\w\]$/ &&
                   $value !~ /->(?:meta|level)$/ || $value =~ /^[in]$/;
            last unless substr($code, $end) =~ /^(\s*,\s*)/;
            $at = $end + length $1;
        }
    }

    # Statements that are missing.
    my $type = qr/(?:const |unsigned |size_t |paddr_t |u?int\w* |bool |void |char |struct |enum |static )/;
    my $word = qr/(?:return|if|while|for|do|else|case|switch|goto|typedef)\b/;
    while ($code =~ /^ ++((?!$type|$word|[.}{])\S[^;{}]*;)/mg) {
        my ($at, $statement) = ($-[1], $1);
        $mutant->('missing', $at, length $statement, ';') if $statement =~ /[=(+-]|^break|^continue/;
    }
    return @found;
}

# Write a mutant, and print its line. Twice the same is once.
my (%seen, %is_made);

sub write_mutant {
    my ($file, $text, $mutant, $operator) = @_;
    return if $mutant eq $text || $seen{$file}{$mutant}++;
    my @old = split /\n/, $text, -1;
    my @new = split /\n/, $mutant, -1;
    my $line = 0;
    $line++ while $old[$line] eq $new[$line];
    my ($from, $to, $before) = ($old[$line], $new[$line], $line > 0 ? $old[$line - 1] : '');
    s/^\s+|\s+$//g for $from, $to, $before;
    $from = "$before $from" if $from =~ /^\w+;$/; # a break looks like all others
    $number++;
    $is_made{"$file: $operator: $from => $to"} = 1;
    return if $is_check;
    open my $out, '>', "$folder/$number" or die "$folder/$number: $!\n";
    print $out $mutant;
    close $out;
    printf "%d\t%s:%d\t%s: %s => %s\n", $number, $file, $line + 1, $operator, $from, $to;
}

sub read_file {
    my ($file) = @_;
    open my $in, '<', $file or die "$file: $!\n";
    local $/;
    return scalar <$in>;
}

# file: name: s/old/new/
my (%faults, $line);
for (split /\n/, read_file(dirname($0) . '/faults')) {
    $line++;
    next if /^\s*(?:#|$)/;
    /^(\S+): (.+?): (s\W.*)$/ or die "tests/mutants/faults:$line: not understood: $_\n";
    push @{$faults{$1}}, [$2, $3, "faults:$line"];
}

for my $file (@files) {
    my $text = read_file($file);
    for (sort { $a->[0] <=> $b->[0] } mutants_of($text)) {
        my ($at, $length, $replacement, $operator) = @$_;
        my $mutant = $text;
        substr($mutant, $at, $length) = $replacement;
        write_mutant($file, $text, $mutant, $operator);
    }
    for (@{$faults{$file} || []}) {
        my ($name, $change, $place) = @$_;
        local $_ = $text;
        eval $change;
        die "tests/mutants/$place: $name: $@" if $@;
        wrong($place, "nothing in $file is changed by $change") if $_ eq $text;
        write_mutant($file, $text, $_, $name);
    }
}

# What the entries of `equivalent` call no fault must be among the mutants, word by word.
if ($is_check) {
    my %is_here = map { $_ => 1 } @files;
    $line = 0;
    my %stands; # an entry is for all places where its line stands
    for (split /\n/, read_file(dirname($0) . '/equivalent')) {
        $line++;
        next if /^\s*(?:#|$)/;
        wrong("equivalent:$line", "it is line $stands{$_} once more") if $stands{$_};
        $stands{$_} ||= $line;
        next if $is_made{$_};
        my ($file, $old) = /^(\S+): .+?: (.*) => / or wrong("equivalent:$line", 'not understood');
        next if !defined $file;
        -f $file or wrong("equivalent:$line", "there is no $file"), next;
        next if !$is_here{$file};
        my $has = index(read_file($file) =~ s/\s+/ /gr, $old =~ s/\s+/ /gr) >= 0;
        wrong("equivalent:$line",
            $has ? "$file has '$old', but no such mutant of it" : "$file has no '$old' any more");
    }
    for my $file (grep { !-f } sort keys %faults) {
        wrong($_->[2], "there is no $file") for @{$faults{$file}};
    }
}
exit($wrong > 0);
