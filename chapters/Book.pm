# What the chapters of the book say, and where: their list, their steps, and the places of a diff's
# hunks in a file. Nothing here runs or writes anything. Used by play and by Carry.pm.
package Book;
use strict;
use warnings;
use Cwd qw(abs_path getcwd);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp;

our @EXPORT = qw($book $repository wrong read_lines write_lines name_of contents chapters solutions
    kernel_files is_kernel_file steps places check_label kinds_of_lines hunks patched
    differences makes_no with_edits by_path);

our $book = dirname(abs_path(__FILE__));
our $repository = dirname($book);

# Texts that are not written yet, by path: read_lines gives them instead of the files.
our %unwritten;

# Where a chapter is wrong: file and line, then what is wrong with it.
sub wrong {
    my ($place, $message) = @_;
    die "$place: $message\n";
}

sub read_lines {
    my ($path) = @_;
    return @{$unwritten{$path}} if $unwritten{$path};
    open my $file, '<', $path or die "$path: $!\n";
    my @lines = <$file>;
    return @lines;
}

sub write_lines {
    my ($path, @lines) = @_;
    make_path(dirname($path));
    open my $file, '>', $path or die "$path: $!\n";
    print $file @lines;
    close $file or die "$path: $!\n";
}

# A path as places name it: from the repository's top.
sub name_of {
    my ($path) = @_;
    return $path =~ s{^\Q$repository\E/}{}r;
}

# ---- which chapters and files there are ----

# Number and path of each chapter that the contents page lists.
sub contents {
    return map { /^\d+\. \[.*\]\(((\d+)-.*\.md)\)/ ? [$2 + 0, "$book/$1"] : () }
        read_lines("$book/README.md");
}

# The chapters from 1 up to the first that is not there yet.
sub chapters {
    my @chapters;
    for my $listed (contents()) {
        last if $listed->[0] != @chapters + 1 || !-f $listed->[1];
        push @chapters, $listed->[1];
    }
    return @chapters;
}

sub solutions {
    my ($number) = @_;
    return glob sprintf('%s/solutions/%02d-*.md', quotemeta $book, $number);
}

# What the book makes: all that the kernel is built of, and what a reader runs it with.
my @kernel_patterns = qw(*.[ch] kernel.ld memory/*.[ch] alloc/*.[ch] run.sh setup.sh qemu.sh
    tests/*.h tests/selftest*.c tests/bench/*.[ch] tests/bench/*.gp tests/bench/*.sh);

sub kernel_files {
    my ($folder) = @_;
    my $here = getcwd();
    chdir $folder or die "$folder: $!\n";
    my @files = grep { -f } map { glob } @kernel_patterns;
    chdir $here or die;
    return @files;
}

# Would kernel_files list this path?
sub is_kernel_file {
    my ($path) = @_;
    return grep {
        my $pattern = s/\./\\./gr;
        $pattern =~ s{\*}{[^/.][^/]*};
        $path =~ m{^$pattern$};
    } @kernel_patterns;
}

# ---- what a chapter says ----

# The steps of a chapter in their order: {kind, place, line, path, lines}. Kinds: append, patch,
# console, take, complete.
sub steps {
    my ($chapter) = @_;
    my $name = name_of($chapter);
    my (@steps, $fence, $step);
    my $number = 0;
    my @lines = read_lines($chapter);
    for my $line (@lines) {
        $number++;
        my $place = "$name:$number";
        if (defined $fence) {
            if ($line =~ /^$fence\s*$/) {
                undef $fence;
            } elsif ($step) {
                push @{$step->{lines}}, $line;
            }
        } elsif ($line =~ /^(`{3,})(\S*)(?: \[(\S+)\]| ((?:counts|varies)\b.*))?\s*$/) {
            ($fence, my $language, my $path, my $varies) = ($1, $2, $3, $4);
            $step = step_of($place, $language, $path);
            wrong($place, "'$varies' is for a console") if $varies && $language ne 'console';
            $step->{varies} = $varies if $varies;
            push @steps, $step if $step;
            $step->{name} = $name, $step->{first} = $number + 1 if $step;
            read_label($step, $number > 1 ? $lines[$number - 2] : '') if defined $path;
        } elsif ($line =~ /^```/) {
            wrong($place, 'a block begins with a language and at most a path in brackets, or, a '
                    . 'console, with counts, varies and names');
        } elsif ($line =~ /^> \*\*(Take over|Complete)\*\*/) {
            my $kind = $1 eq 'Complete' ? 'complete' : 'take';
            my @paths = $line =~ /\]\((?:\.\.\/)+([^)]+)\)/g or wrong($place, 'no file is named');
            push @steps, {kind => $kind, place => $place, path => $_} for @paths;
        }
    }
    wrong("$name:$number", 'the last block has no end') if defined $fence;
    return @steps;
}

sub step_of {
    my ($place, $language, $path) = @_;
    if (!defined $path) {
        wrong($place, 'a diff names its file') if $language eq 'diff';
        return $language eq 'console' ? {kind => 'console', place => $place, lines => []} : undef;
    }
    wrong($place, "$path is no path inside the folder") if $path =~ m{^/|(^|/)\.\.(/|$)};
    my $kind = $language eq 'diff' ? 'patch' : 'append';
    return {kind => $kind, place => $place, path => $path, lines => []};
}

# The fence's path is not shown where the page is read, so the line above the fence says it again,
# and which place in the file is meant.
sub read_label {
    my ($step, $line) = @_;
    my $path = $step->{path};
    my ($shown, $where) = $line =~ /^\*\*`(\S+)`\*\*, (new|at the end|changed):$/
        or wrong($step->{place}, "the line above this block has to be its label:\n"
            . "**`$path`**, new: or, at the end: or, changed:");
    wrong($step->{place}, "the label above says $shown, and the block is for $path")
        if $shown ne $path;
    $step->{label} = $where;
}

# Is the label right, now that it is known whether there is such a file before the block?
sub check_label {
    my ($step, $is_there) = @_;
    my $where = $step->{kind} eq 'patch' ? 'changed' : $is_there ? 'at the end' : 'new';
    wrong($step->{place}, "the label above says '$step->{label}', and has to say '$where'")
        if $step->{label} ne $where;
}

# Where each line of a block stands.
sub places {
    my ($step) = @_;
    return map { "$step->{name}:" . ($step->{first} + $_) } 0 .. $#{$step->{lines}};
}

# For each line of a text what it belongs to: prose, fence, file, console or other (a picture).
sub kinds_of_lines {
    my ($fence, $kind);
    return map {
        my $line = $_;
        my $is_fence = $fence ? $line =~ /^$fence\s*$/
            : $line =~ /^(`{3,})(\S*)( \[\S+\]| (?:counts|varies)\b.*)?\s*$/;
        if ($is_fence) {
            ($fence, $kind) = $fence ? () : ($1, $2 eq 'console' ? $2 : $3 ? 'file' : 'other');
        }
        $is_fence ? 'fence' : $fence ? $kind : 'prose';
    } @_;
}

# ---- what a diff does ----

# The hunks of a diff: each the text behind its @@, and lines of [sign, text, place].
sub hunks {
    my ($step) = @_;
    my (@hunks, $hunk);
    my @places = places($step);
    for my $line (@{$step->{lines}}) {
        my $place = shift @places;
        if ($line =~ /^@@(?:[-+,\d ]*@@)?\s*(.*?)\s*$/) {
            push @hunks, $hunk = {after => $1, place => $place, lines => []};
            next;
        }
        next if !$hunk && $line =~ /^(---|\+\+\+) /;
        wrong($place, 'a hunk begins with @@') if !$hunk;
        # An empty line of the file is one without even the space before it.
        my ($sign, $text) = $line eq "\n" ? (' ', "\n") : $line =~ /^([-+ ])(.*\n)$/;
        wrong($place, 'a line of a diff begins with a space, + or -') if !defined $sign;
        push @{$hunk->{lines}}, [$sign, $text, $place];
    }
    return @hunks;
}

# Where in @$file the old lines of a hunk are: the one place, behind a line that holds the text
# after the @@ if it has one.
sub find_hunk {
    my ($hunk, $file, $path) = @_;
    my @old = map { $_->[1] } grep { $_->[0] ne '+' } @{$hunk->{lines}};
    wrong($hunk->{place}, 'a hunk needs lines that tell where it belongs') if !@old;
    my ($from, @found) = (0);
    if ($hunk->{after} ne '') {
        $from++ while $from < @$file && index($file->[$from], $hunk->{after}) < 0;
        wrong($hunk->{place}, "$path has no line with '$hunk->{after}'") if $from == @$file;
        $hunk->{after_at} = $from;
    }
    my $best = -1;
    my $differs = $hunk->{place};
    for my $at ($from .. @$file - 1) {
        my $same = 0;
        $same++ while $same < @old && $at + $same < @$file && $file->[$at + $same] eq $old[$same];
        if ($same == @old) {
            push @found, $at;
            last if $hunk->{after} ne '';
        } elsif ($same > $best) {
            ($best, $differs) = ($same, (grep { $_->[0] ne '+' } @{$hunk->{lines}})[$same][2]);
        }
    }
    wrong($differs, "$path has no such line here") if !@found;
    wrong($hunk->{place}, "$path has " . @found . ' places for this: it needs more lines around it')
        if @found > 1;
    check_title($hunk, $file, $found[0], $old[0]);
    return $found[0];
}

# A reader finds a hunk by its first old line if that begins a function or stands outside of all.
# Where it is indented, empty or a brace, the text after the @@ says which function it is in, or
# behind.
sub check_title {
    my ($hunk, $file, $at, $first) = @_;
    return if $first =~ /^[^\s}]/;
    my $head = head_above($file, $at);
    return if !defined $head;
    wrong($hunk->{place}, "this hunk is behind another line: \@\@ " . $file->[$head] =~ s/\n//r)
        if $hunk->{after} eq '' || index($file->[$head], $hunk->{after}) < 0;
}

# The line above one that begins what it is in: a function, a struct, or what a script has there.
sub head_above {
    my ($file, $at) = @_;
    my ($head) = grep { $file->[$_] =~ /^[A-Za-z_]/ } reverse 0 .. $at - 1;
    return $head;
}

# What a diff makes of a file, as one hunk with the whole file in it: a list of
# {sign, text, at, place, hunk, index}. at is the index in @$file; the last three are undefined for
# lines that the diff does not show.
sub patched {
    my ($step, $file) = @_;
    my @hunks = sort { $a->{at} <=> $b->{at} }
        map { $_->{at} = find_hunk($_, $file, $step->{path}); $_ } hunks($step);
    wrong($step->{place}, 'the block is empty') if !@hunks;
    my ($at, @made) = (0);
    for my $hunk (@hunks, undef) {
        my $end = $hunk ? $hunk->{at} : @$file;
        wrong($hunk->{place}, 'this hunk overlaps another') if $end < $at;
        push @made, map { {sign => ' ', text => $file->[$_], at => $_} } $at .. $end - 1;
        $at = $end;
        last if !$hunk;
        my $index = 0;
        for my $line (@{$hunk->{lines}}) {
            my ($sign, $text, $place) = @$line;
            push @made, {sign => $sign, text => $text, at => $at, place => $place,
                hunk => $hunk, index => $index++};
            $at++ if $sign ne '+';
        }
    }
    return @made;
}

# ---- what differs from the repository ----

# Where lines differ from a file's: [from, to, first, last], indices in the one and in the other; to
# is from - 1 where lines are missing, and last is first - 1 where some are too many.
sub differences {
    my ($lines, $path) = @_;
    my $file = File::Temp->new;
    print $file @$lines;
    close $file;
    open my $diff, '-|', 'diff', '-d', "$file", $path or die "diff: $!\n";
    my @differences;
    while (my $line = <$diff>) {
        my ($from, $to, $kind, $first, $last) = $line =~ /^(\d+)(?:,(\d+))?([acd])(\d+)(?:,(\d+))?$/
            or next;
        $to = $from if !defined $to;
        $last = $first if !defined $last;
        $from++ if $kind eq 'a';
        $first++ if $kind eq 'd';
        push @differences, [$from - 1, $to - 1, $first - 1, $last - 1];
    }
    return @differences;
}

# The words for a file that no chapter makes.
sub makes_no {
    my ($path) = @_;
    return "the book makes no $path. Give it a block, ```c [$path], in the chapter where it "
        . "belongs, below a line **`$path`**, new: and > **Complete** [$path](../$path) where it "
        . 'is whole; or, if it is not to be typed, > **Take over** [...]';
}

# ---- edits of the book ----

# An edit is [at, kind, text]: a place, and a line put for the one there, or dropped, or new before
# or behind it.

# The lines of a text with edits of it, by line number, done.
sub with_edits {
    my ($lines, $edits) = @_;
    my @out;
    for my $number (1 .. @$lines) {
        my $line = $lines->[$number - 1];
        my (@before, @behind, $dropped);
        for my $edit (@{$edits->{$number} || []}) {
            my (undef, $kind, $text) = @$edit;
            $line = $text if $kind eq 'put';
            $dropped = 1 if $kind eq 'drop';
            push @before, $text if $kind eq 'before';
            push @behind, $text if $kind eq 'behind';
        }
        push @out, @before, $dropped ? () : $line, @behind;
    }
    return @out;
}

# Edits of the chapters, by path and line number.
sub by_path {
    my %edits;
    for my $edit (@_) {
        my ($name, $number) = $edit->[0] =~ /^(.*):(\d+)$/;
        push @{$edits{"$repository/$name"}{$number}}, $edit;
    }
    return \%edits;
}

1;
