# Carries an edit of the repository's sources back into the book: into the block or diff that a line
# comes from, and into every later diff, of a chapter or a solution, that quotes it.
#
# The whole book is made in memory, and each line of each file remembers its places. What differs
# from the repository is then a list of chunks: lines changed, gone or come. A chunk is carried if
# its place is sure, and if the book, made again, comes closer to the repository for it and no diff
# stops fitting. What is not is named, and left to the author.
package Carry;
use strict;
use warnings;
use Book;

# ---- the book in memory ----

# A line of a file is {text, home, quotes}. Its home is the place that it comes from: none in files
# that are taken over, and none for the empty line between two blocks. The quotes are the places of
# later diffs that show it. A place is {at, sign, step, hunk, index, chapter}; the sign of a line in
# a block is empty, that of a line with @@ is @.
#
# The book is {trees, problems}: the files after each chapter, by path, and what does not fit.
sub read_book {
    my $made = {trees => [{}], problems => []};
    my $number = 0;
    for my $chapter (chapters()) {
        my $tree = {%{$made->{trees}[-1]}};
        push @{$made->{trees}}, $tree;
        follow($made, $chapter, $tree, ++$number);
        follow($made, $_, {%$tree}, $number) for solutions($number);
    }
    return $made;
}

sub follow {
    my ($made, $text, $tree, $chapter) = @_;
    my @steps;
    eval { @steps = steps($text); 1 } or push @{$made->{problems}}, $@;
    for my $step (@steps) {
        $step->{chapter} = $chapter;
        eval {
            add_block($step, $tree) if $step->{kind} eq 'append';
            add_diff($step, $tree) if $step->{kind} eq 'patch';
            add_file($step, $tree) if $step->{kind} eq 'take';
            1;
        } or push @{$made->{problems}}, $@;
    }
}

sub place {
    my ($step, $at, $sign, %more) = @_;
    return {step => $step, chapter => $step->{chapter}, at => $at, sign => $sign, %more};
}

sub add_block {
    my ($step, $tree) = @_;
    my $old = $tree->{$step->{path}};
    check_label($step, defined $old);
    my @at = places($step);
    my @new = map { {text => $_, home => place($step, shift @at, '')} } @{$step->{lines}};
    $tree->{$step->{path}} = [$old ? (@$old, {text => "\n"}) : (), @new];
}

sub add_diff {
    my ($step, $tree) = @_;
    my $old = $tree->{$step->{path}} or wrong($step->{place}, "there is no $step->{path} yet");
    check_label($step, 1);
    my @made = patched($step, [map { $_->{text} } @$old]);
    my (@new, %titled);
    for my $part (@made) {
        my ($sign, $hunk) = @$part{qw(sign hunk)};
        my $place = $hunk && place($step, $part->{place}, $sign, hunk => $hunk,
            index => $part->{index}, stand_in => scalar stand_in($old, $part));
        if ($hunk && defined $hunk->{after_at} && !$titled{$hunk}++) {
            push @{$old->[$hunk->{after_at}]{quotes}},
                place($step, $hunk->{place}, '@', hunk => $hunk);
        }
        my $line = $sign eq '+' ? {text => $part->{text}, home => $place} : $old->[$part->{at}];
        push @{$line->{quotes}}, $place if $place && $sign ne '+';
        push @new, $line if $sign ne '-';
    }
    $tree->{$step->{path}} = \@new;
}

# The line beside one that its hunk could show in its stead: above what comes, or below.
sub stand_in {
    my ($file, $part) = @_;
    return if $part->{sign} ne ' ' || 1 < grep { $_->[0] ne '+' } @{$part->{hunk}{lines}};
    my $at = $part->{at} + ($part->{index} == 0 ? -1 : 1);
    return $at >= 0 && $at < @$file ? $file->[$at]{text} : undef;
}

sub add_file {
    my ($step, $tree) = @_;
    my $path = "$repository/$step->{path}";
    -f $path or wrong($step->{place}, "the repository has no $step->{path}");
    $tree->{$step->{path}} = [map { {text => $_, taken => 1} } read_lines($path)];
}

sub last_tree {
    my ($made) = @_;
    return $made->{trees}[-1];
}

# ---- words ----

# The words of lines that may name something of the program, and not only be English.
sub code_words {
    my %words;
    for my $text (@_) {
        $words{$1} = 1 while $text =~ /\b([A-Za-z]\w*_\w*|[A-Za-z_]\w*(?=\())/g;
    }
    return sort keys %words;
}

sub all_words {
    my %words;
    for my $text (@_) {
        $words{$_} = 1 for $text =~ /\b[A-Za-z_]\w*/g;
    }
    return \%words;
}

sub repository_lines {
    return map { read_lines("$repository/$_") } kernel_files($repository);
}

sub tree_lines {
    my ($tree) = @_;
    return map { $_->{text} } map { @{$tree->{$_}} } sort keys %$tree;
}

# The first chapter after which some file has the word; 0 if none has. For what the edit defines it
# is the first that has all that the definition names (note_new_words).
sub first_chapter {
    my ($made, $word) = @_;
    my $words = $made->{words} ||= [map { all_words(tree_lines($_)) } @{$made->{trees}}];
    my ($first) = grep { $words->[$_]{$word} } 1 .. $#$words;
    return $first || $made->{new_words}{$word} || 0;
}

# What lines need: the last chapter in which one of their words comes up, and that word.
sub need {
    my ($made, @words) = @_;
    my ($last, $needed) = (0, '');
    for my $word (@words) {
        my $first = first_chapter($made, $word);
        ($last, $needed) = ($first, $word) if $first > $last;
    }
    return ($last, $needed);
}

# ---- what differs ----

# The paths that both have and whose lines differ.
sub differing {
    my ($tree) = @_;
    return grep {
        my $path = $_;
        is_kernel_file($path) && -f "$repository/$path"
            && join('', map { $_->{text} } @{$tree->{$path}})
            ne join('', read_lines("$repository/$path"));
    } sort keys %$tree;
}

# The chunks of a file that differ: {path, from, old, line, new}: the index of the first old line,
# and the old ones; the number of the first new line, and the texts of the new ones.
sub chunks {
    my ($tree, $path) = @_;
    my @made = @{$tree->{$path}};
    my @wanted = read_lines("$repository/$path");
    return map {
        my ($from, $to, $first, $last) = @$_;
        {path => $path, made => \@made, from => $from, old => [@made[$from .. $to]],
            line => $first + 1, new => [@wanted[$first .. $last]]};
    } differences([map { $_->{text} } @made], "$repository/$path");
}

# How many lines of the book's files are not the repository's, or the other way round.
sub distance {
    my ($made) = @_;
    my $tree = last_tree($made);
    my $count = 0;
    $count += @{$_->{old}} + @{$_->{new}} for map { chunks($tree, $_) } differing($tree);
    return $count;
}

# From 0 to 1: the share of words and signs that two lines have in common.
sub likeness {
    my ($one, $other) = @_;
    my @one = $one =~ /\w+|[^\w\s]/g;
    my @other = $other =~ /\w+|[^\w\s]/g;
    return @one == @other ? 1 : 0 if !@one || !@other;
    my (%count, $same);
    $count{$_}++ for @one;
    ($count{$_} || 0) > 0 and $count{$_}--, $same++ for @other;
    return 2 * ($same || 0) / (@one + @other);
}

sub same_home {
    my ($one, $other) = @_;
    my ($first, $second) = ($one->{home}, $other->{home});
    return $first && $second && $first->{step} == $second->{step}
        && ($first->{hunk} || 0) == ($second->{hunk} || 0);
}

# Which old line became which new one: [index in old, index in new] in their order, with undef for a
# line that is gone or has come. Lines for lines where there are as many; otherwise the likest.
sub pairs {
    my ($chunk) = @_;
    my ($old, $new) = @$chunk{qw(old new)};
    my @like = map { my $line = $_; [map { likeness($line->{text}, $_) } @$new] } @$old;
    if (@$old == @$new) {
        my $is_one = !grep { !same_home($old->[0], $_) } @$old[1 .. $#$old];
        return map { [$_, $_] } 0 .. $#$old
            if $is_one || !grep { $like[$_][$_] < 0.3 } 0 .. $#$old;
    }
    # best[i][j]: how alike the best pairs of the lines from i and from j on are together.
    my @best = map { [(0) x (@$new + 1)] } 0 .. @$old;
    for my $i (reverse 0 .. $#$old) {
        for my $j (reverse 0 .. $#$new) {
            my $paired = $like[$i][$j] < 0.5 ? 0 : $like[$i][$j] + $best[$i + 1][$j + 1];
            my ($most) = sort { $b <=> $a } $paired, $best[$i + 1][$j], $best[$i][$j + 1];
            $best[$i][$j] = $most;
        }
    }
    my ($i, $j, @pairs) = (0, 0);
    while ($i < @$old || $j < @$new) {
        if ($i < @$old && $j < @$new && $like[$i][$j] >= 0.5
            && $best[$i][$j] == $like[$i][$j] + $best[$i + 1][$j + 1]) {
            push @pairs, [$i++, $j++];
        } elsif ($i < @$old && ($j == @$new || $best[$i + 1][$j] >= $best[$i][$j + 1])) {
            push @pairs, [$i++, undef];
        } else {
            push @pairs, [undef, $j++];
        }
    }
    return @pairs;
}

# ---- where it goes ----

# An edit is [at, kind, text, place]. Kinds: put a line for this one, drop it, new ones before or
# behind it. The text is as it stands in the chapter, with its sign.
sub signed {
    my ($sign, $text) = @_;
    return $sign eq ' ' && $text eq "\n" ? $text : $sign . $text;
}

# The text after a hunk's @@ when the line that it is found in has changed.
sub retitled {
    my ($title, $old, $new) = @_;
    return $title if index($new, $title) >= 0;
    my $begin = index $old, $title;
    my ($above, $below) = (substr($old, 0, $begin), substr($old, $begin + length $title));
    return $1 if $new =~ /^\Q$above\E(.+?)\s*\Q$below\E$/;
    return $new =~ s/^\s+|\s+$//gr;
}

sub put {
    my ($line, $text) = @_;
    return map {
        my $is_title = $_->{sign} eq '@';
        my $title = $is_title && retitled($_->{hunk}{after}, $line->{text}, $text);
        [$_->{at}, 'put', $is_title ? "\@\@ $title\n" : signed($_->{sign}, $text), $_];
    } $line->{home}, @{$line->{quotes} || []};
}

# A hunk that shows nothing but this line shows its neighbour instead.
sub drop {
    my ($line) = @_;
    return map {
        my $other = $_->{stand_in};
        defined $other ? [$_->{at}, 'put', signed(' ', $other), $_] : [$_->{at}, 'drop', '', $_];
    } $line->{home}, @{$line->{quotes} || []};
}

# New lines beside one: at its home, and in every hunk that goes on on that side of it, because what
# the hunk shows there is not its neighbour any more.
sub insert {
    my ($candidate, @texts) = @_;
    my ($line, $side) = @$candidate{qw(line side)};
    my $home = $line->{home};
    my @edits = map { [$home->{at}, $side, signed($home->{sign}, $_), $home] } @texts;
    for my $quote (grep { $_->{sign} ne '@' } @{$line->{quotes} || []}) {
        my $edge = $side eq 'before' ? 0 : $#{$quote->{hunk}{lines}};
        next if $quote->{index} == $edge;
        push @edits, map { [$quote->{at}, $side, signed(' ', $_), $quote] } @texts;
    }
    return @edits;
}

# Where new lines at an index may stand: {line, side, texts}, one for each home. They may slide over
# lines that are the same, as the end of one function is that of another.
sub candidates {
    my ($file, $at, $may_slide, @texts) = @_;
    my @gaps = [$at, @texts];
    if ($may_slide) {
        my ($up, @up) = ($at, @texts);
        while ($up > 0 && $file->[$up - 1]{text} eq $up[-1]) {
            unshift @up, pop @up;
            push @gaps, [--$up, @up];
        }
        my ($down, @down) = ($at, @texts);
        while ($down < @$file && $file->[$down]{text} eq $down[0]) {
            push @down, shift @down;
            push @gaps, [++$down, @down];
        }
    }
    my @found;
    for my $gap (@gaps) {
        my ($index, @lines) = @$gap;
        my $above = $index > 0 ? $file->[$index - 1] : {};
        my $below = $index < @$file ? $file->[$index] : {};
        for my $one ([$above, 'behind'], [$below, 'before']) {
            my ($line, $side) = @$one;
            next if !$line->{home} || grep { same_home($line, $_->{line}) } @found;
            push @found, {line => $line, side => $side, texts => \@lines};
        }
    }
    return @found;
}

# Give a chunk its edits, and inserts that are still to be placed; or the reason why not.
sub place_chunk {
    my ($made, $chunk) = @_;
    my ($old, $new) = @$chunk{qw(old new)};
    @$chunk{qw(edits inserts)} = ([], []);
    my ($next, $open) = (0);
    for my $pair (pairs($chunk)) {
        my ($i, $j) = @$pair;
        if (!defined $i) {
            $open or push @{$chunk->{inserts}}, $open = {at => $chunk->{from} + $next, texts => []};
            push @{$open->{texts}}, $new->[$j];
            next;
        }
        undef $open;
        $next = $i + 1;
        my $line = $old->[$i];
        if (!$line->{home}) {
            $chunk->{reason} = 'the empty line between two blocks is no line of either';
            $chunk->{near} = $chunk->{made}[$chunk->{from} + $i + 1]{home};
            return;
        }
        push @{$chunk->{edits}}, defined $j ? put($line, $new->[$j]) : drop($line);
        if (defined $j) {
            my %had = map { $_ => 1 } code_words($line->{text});
            refuse_early($made, $chunk, $line->{home},
                grep { !$had{$_} } code_words($new->[$j]));
        }
    }
    for my $insert (@{$chunk->{inserts}}) {
        $insert->{candidates} =
            [candidates($chunk->{made}, $insert->{at}, !@$old, @{$insert->{texts}})];
    }
}

# A line cannot stand where what it names has not come up.
sub refuse_early {
    my ($made, $chunk, $home, @words) = @_;
    my ($chapter, $word) = need($made, @words);
    return if $chapter <= $home->{chapter};
    $chunk->{near} = $home;
    $chunk->{reason} = "$word comes up only in chapter $chapter";
}

# What lines define that no chapter has.
sub defined_words {
    my ($made, @texts) = @_;
    my @words = map { /^#define\s+(\w+)/ || /^[A-Za-z_][^;=]*?\b(\w+)\([^;]*$/ ? $1 : () } @texts;
    return grep { $made->{new_words}{$_} || !first_chapter($made, $_) } @words;
}

# From which chapter on the functions that the edit defines could stand. Twice, because one may call
# another.
sub note_new_words {
    my ($made, @chunks) = @_;
    for my $chunk (@chunks, @chunks) {
        my @new = defined_words($made, @{$chunk->{new}});
        my ($chapter) = need($made, code_words(@{$chunk->{new}}));
        $made->{new_words}{$_} = $chapter for @new;
    }
}

# The first chapter that calls one of the words, by what is placed already; a chapter too many if
# none does.
sub first_caller {
    my ($made, $chunks, @words) = @_;
    my $first = @{$made->{trees}};
    my $names = join '|', map { quotemeta } @words or return $first;
    for my $edit (map { @{$_->{edits}} } grep { !$_->{reason} } @$chunks) {
        my (undef, undef, $text, $place) = @$edit;
        next if $place->{sign} !~ /^\+?$/ || $text !~ /\b(?:$names)\b/;
        next if $text =~ /^\+?\w[^;]*\)\s*;$/;    # a declaration
        $first = $place->{chapter} if $place->{chapter} < $first;
    }
    return $first;
}

# Choose among the candidates of each insert: by the author's word, or because only one is late
# enough for what the lines name and early enough for those who call them.
sub place_inserts {
    my ($made, $chunks, $chosen) = @_;
    for my $chunk (grep { !$_->{reason} } @$chunks) {
        for my $insert (@{$chunk->{inserts}}) {
            my @texts = @{$insert->{texts}};
            my @candidates = @{$insert->{candidates}};
            my @defined = defined_words($made, @texts);
            my %is_own = map { $_ => 1 } @defined;
            my ($least, $word) = need($made, grep { !$is_own{$_} } code_words(@texts));
            my $most = first_caller($made, $chunks, @defined);
            my @fitting = grep {
                my $chapter = $_->{line}{home}{chapter};
                $chapter >= $least && $chapter <= $most;
            } @candidates;
            my @wished = grep { $chosen->{$_->{line}{home}{at}} } @candidates;
            @fitting = @wished if @wished == 1;
            if (@fitting == 1) {
                push @{$chunk->{edits}}, insert($fitting[0], @{$fitting[0]{texts}});
                $insert->{chapter} = $fitting[0]{line}{home}{chapter};
                next;
            }
            $chunk->{near} = $candidates[0] && $candidates[0]{line}{home};
            $chunk->{candidates} = \@candidates if @fitting;
            $chunk->{reason} = @fitting ? 'the new lines may stand in several places'
                : "$word comes up only in chapter $least"
                . ($most < @{$made->{trees}} ? " and chapter $most calls them" : '')
                . ': a diff has to bring the new lines';
        }
    }
}

# A line that a later chapter moves, or puts another for, has to stay where it is until then: only a
# diff there can take it away.
sub refuse_moved {
    my ($chunks) = @_;
    my %later;    # the last chapter in which a line is new; one too many if it is not placed
    for my $chunk (@$chunks) {
        for my $insert (@{$chunk->{inserts}}) {
            my $chapter = $chunk->{reason} ? 1000 : $insert->{chapter};
            for my $text (map { s/^\s+//r } grep { /\w/ } @{$insert->{texts}}) {
                $later{$text} = $chapter if $chapter > ($later{$text} || 0);
            }
        }
    }
    for my $chunk (grep { !$_->{reason} } @$chunks) {
        my ($instead) = sort { $b <=> $a } map { $_->{chapter} } @{$chunk->{inserts}};
        my %gone = map { $_->[0] => $_->[3] } grep { $_->[1] eq 'drop' } @{$chunk->{edits}};
        for my $line (@{$chunk->{old}}) {
            next if !$line->{home} || !$gone{$line->{home}{at}};
            my $chapter = $line->{home}{chapter};
            next if $chapter >= ($later{$line->{text} =~ s/^\s+//r} || 0)
                && $chapter >= ($instead || 0);
            $chunk->{near} = $line->{home};
            $chunk->{reason} = 'what comes instead, or where it moves to, is a later chapter\'s: '
                . 'a diff there has to take it away';
        }
    }
}

# ---- trying ----

# The book as it were with these chunks carried on top of these texts.
sub try_chunks {
    my ($texts, @chunks) = @_;
    my $edits = by_path(map { @{$_->{edits}} } @chunks);
    %Book::unwritten = %$texts;
    $Book::unwritten{$_} = [with_edits([read_lines($_)], $edits->{$_})] for keys %$edits;
    return read_book();
}

# What does not fit in the chapters: a solution that does not is named, and holds up nothing.
sub in_chapters {
    my ($made) = @_;
    return grep { !m{^chapters/solutions/} } @{$made->{problems}};
}

sub is_better {
    my ($new, $old) = @_;
    return in_chapters($new) <= in_chapters($old) && distance($new) < distance($old);
}

# The chunks that can be carried together: all, or else as many as go, one after the other.
sub carried {
    my ($made, @chunks) = @_;
    my $texts = {%Book::unwritten};
    my $new = try_chunks($texts, @chunks);
    my $wanted = 0;
    $wanted += @{$_->{old}} + @{$_->{new}} for @chunks;
    my $is_all = in_chapters($new) <= in_chapters($made)
        && distance($new) == distance($made) - $wanted;
    my @taken = $is_all ? @chunks : one_by_one($made, $texts, @chunks);
    $new = try_chunks($texts, @taken);

    # A solution that an edit does not fit is left as it was.
    my %known = map { $_ => 1 } @{$made->{problems}};
    my %broken = map { m{^(chapters/solutions/.*?):\d+:} && !$known{$_} ? ($1 => 1) : () }
        @{$new->{problems}};
    for my $chunk (@taken) {
        $chunk->{edits} = [grep { !$broken{$_->[0] =~ s/:\d+$//r} } @{$chunk->{edits}}];
    }
    try_chunks($texts, @taken) if %broken;
    return @taken;
}

sub one_by_one {
    my ($made, $texts, @chunks) = @_;
    my ($best, @taken) = ($made);
    for my $chunk (@chunks) {
        my $new = try_chunks($texts, @taken, $chunk);
        if (is_better($new, $best)) {
            push @taken, $chunk;
            $best = $new;
            next;
        }
        my %known = map { $_ => 1 } @{$best->{problems}};
        my ($problem) = grep { !$known{$_} } in_chapters($new);
        $chunk->{near} = $chunk->{edits}[0][3];
        $chunk->{reason} = 'carried here, ' . ($problem ? "it breaks $problem"
            : 'it does not make the file the repository\'s');
        chomp $chunk->{reason};
    }
    return @taken;
}

# ---- names that changed ----

# Every chapter and solution there is.
sub texts {
    return (chapters(), map { solutions($_) } 1 .. chapters());
}

# Which words became another everywhere: [old, new]. The repository has the old one no more, and no
# block of the book has the new one.
sub renamed {
    my ($made) = @_;
    my $tree = last_tree($made);
    my %became;
    for my $chunk (map { chunks($tree, $_) } differing($tree)) {
        for my $pair (grep { defined $_->[0] && defined $_->[1] } pairs($chunk)) {
            my @old = $chunk->{old}[$pair->[0]]{text} =~ /\w+|[^\w\s]/g;
            my @new = $chunk->{new}[$pair->[1]] =~ /\w+|[^\w\s]/g;
            next if @old != @new;
            $old[$_] ne $new[$_] and $became{$old[$_]}{$new[$_]} = 1 for 0 .. $#old;
        }
    }
    return if !%became;
    my $there = all_words(repository_lines());
    my $in_book = all_words(map { @{$_->{lines}} } grep { $_->{lines} && $_->{kind} ne 'console' }
        map { steps($_) } texts());
    my %is_code = map { $_ => 1 } code_words(tree_lines($tree));
    my @renamed;
    for my $old (sort keys %became) {
        my ($new, @others) = keys %{$became{$old}};
        next if @others || !$is_code{$old} || $there->{$old} || $in_book->{$new};
        next if $new !~ /^[A-Za-z_]/;
        push @renamed, [$old, $new];
    }
    return @renamed;
}

# Rename in every block and diff, also in what later chapters take away again, and in the commands.
sub rename_word {
    my ($old, $new) = @_;
    my $count = 0;
    for my $text (texts()) {
        my @lines = read_lines($text);
        my @kinds = kinds_of_lines(@lines);
        my $changed = 0;
        for my $line (@lines) {
            my $kind = shift @kinds;
            next if $kind ne 'file' && !($kind eq 'console' && $line =~ /^[\$>] /);
            $changed++ if $line =~ s/\b\Q$old\E\b/$new/g;
        }
        $Book::unwritten{$text} = \@lines if $changed;
        $count += $changed;
    }
    return $count;
}

sub carry_names {
    my ($made) = @_;
    for my $renamed (renamed($made)) {
        my %before = %Book::unwritten;
        my $count = rename_word(@$renamed);
        my $new = read_book();
        if (is_better($new, $made)) {
            print "$renamed->[0] is $renamed->[1] now: ", plural($count, 'line'),
                " of blocks, diffs and commands\n";
            $made = $new;
        } else {
            %Book::unwritten = %before;
        }
    }
    return $made;
}

# ---- what is said ----

# Where a line of a chapter is after the edits.
sub moved {
    my ($at, $edits) = @_;
    my ($name, $number) = $at =~ /^(.*):(\d+)$/;
    my $by = 0;
    for my $line (keys %{$edits->{"$repository/$name"} || {}}) {
        for my $edit (@{$edits->{"$repository/$name"}{$line}}) {
            my $kind = $edit->[1];
            $by-- if $kind eq 'drop' && $line < $number;
            $by++ if $kind eq 'before' && $line <= $number || $kind eq 'behind' && $line < $number;
        }
    }
    return $name . ':' . ($number + $by);
}

sub plural {
    my ($count, $noun) = @_;
    return "$count $noun" . ($count == 1 ? '' : 's');
}

sub say_carried {
    my ($edits, @chunks) = @_;
    my (%lines, %places);
    for my $chunk (@chunks) {
        my ($old, $new) = (scalar @{$chunk->{old}}, scalar @{$chunk->{new}});
        $lines{$chunk->{path}} += $old > $new ? $old : $new;
        $places{$chunk->{path}}{$_->[0]} = 1 for @{$chunk->{edits}};
    }
    for my $path (sort keys %lines) {
        my %count;
        s/:\d+$// and $count{$_}++ for map { moved($_, $edits) } keys %{$places{$path}};
        print "$path: ", plural($lines{$path}, 'line'), ', ',
            plural(scalar keys %{$places{$path}}, 'place'), ' (',
            join(', ', map { s{^chapters/}{}r } sort keys %count), ")\n";
    }
}

sub say_left {
    my ($edits, @chunks) = @_;
    for my $chunk (@chunks) {
        my $place = $chunk->{near} ? moved($chunk->{near}{at}, $edits) : 'chapters';
        print "$place: left to you: $chunk->{path}:$chunk->{line}: $chunk->{reason}\n";
        for my $candidate (@{$chunk->{candidates} || []}) {
            my $at = moved($candidate->{line}{home}{at}, $edits);
            print "    $candidate->{side} $at: chapters/play carry $at\n";
        }
        my ($file, $from) = @$chunk{qw(made from)};
        my $to = $from + @{$chunk->{old}};
        print map { "    $_" } $from > 0 ? signed(' ', $file->[$from - 1]{text}) : (),
            (map { "-$_->{text}" } @{$chunk->{old}}), (map { "+$_" } @{$chunk->{new}}),
            $to < @$file ? signed(' ', $file->[$to]{text}) : ();
    }
    return scalar @chunks;
}

# A solution that takes a line away puts another in its place: which nobody can guess.
sub say_replaced {
    my ($edits, @chunks) = @_;
    my $count = 0;
    for my $edit (map { @{$_->{edits}} } @chunks) {
        my ($at, $kind, undef, $place) = @$edit;
        next if $place->{sign} ne '-' || $kind ne 'put';
        my @rest = @{$place->{hunk}{lines}};
        my ($instead) = grep { $_->[0] eq '+' } @rest[$place->{index} + 1 .. $#rest];
        next if !$instead;
        print moved($instead->[2], $edits), ': left to you: it replaces a line that has changed, ',
            moved($at, $edits), "\n";
        $count++;
    }
    return $count;
}

# The files that only one of the two has.
sub say_files {
    my ($made) = @_;
    my $tree = last_tree($made);
    my @new = grep { !$tree->{$_} } kernel_files($repository);
    my @gone = grep { is_kernel_file($_) && !-f "$repository/$_" } sort keys %$tree;
    print map { "$_: left to you: " . makes_no($_) . "\n" } @new;
    for my $path (@gone) {
        my ($home) = grep { defined } map { $_->{home} } @{$tree->{$path}};
        print $home ? $home->{at} : 'chapters',
            ": left to you: the book makes $path, which the repository does not have; ",
            "if it was moved: chapters/play rename $path NEW\n";
    }
    return @new + @gone;
}

# Where the book names what the edit has taken out of the sources. What commands print is left to
# chapters/play accept. Returns how often a block does.
sub say_mentions {
    my ($before) = @_;
    my $there = all_words(repository_lines());
    my $tree = last_tree($before);
    my @had = map { $_->{text} } map { @{$tree->{$_}} } grep { is_kernel_file($_) } keys %$tree;
    my $names = join '|', map { quotemeta } grep { !$there->{$_} } code_words(@had) or return 0;
    my %count = (file => 0, console => 0);
    for my $text (texts()) {
        my @lines = read_lines($text);
        my @kinds = kinds_of_lines(@lines);
        for my $number (1 .. @lines) {
            my %named = map { $_ => 1 } $lines[$number - 1] =~ /\b($names)\b/g or next;
            my $kind = $kinds[$number - 1];
            $count{$kind}++;
            next if $kind eq 'console';
            my $what = {file => 'left to you: a block', prose => 'prose'}->{$kind} || 'a picture';
            print name_of($text), ":$number: $what mentions `$_`\n" for sort keys %named;
        }
    }
    print plural($count{console}, 'line'), " of consoles do: chapters/play accept\n"
        if $count{console};
    return $count{file};
}

# ---- files that were moved ----

# In fences, the labels above them, and the links of Take over and Complete. An #include is a line
# as any: carry has it.
sub rename_file {
    my ($old, $new) = @_;
    for my $text (texts()) {
        my @lines = read_lines($text);
        my @kinds = kinds_of_lines(@lines);
        my $count = 0;
        for my $line (@lines) {
            my $kind = shift @kinds;
            next if $kind ne 'fence' && $line !~ /^> \*\*(?:Take over|Complete)\*\*|^\*\*`/;
            my $before = $line;
            $line =~ s{\[\Q$old\E\]}{[$new]}g;
            $line =~ s{^\*\*`\K\Q$old\E(?=`\*\*, )}{$new};
            $line =~ s{\((?:\.\./)+\K\Q$old\E\)}{$new)}g;
            $count++ if $line ne $before;
        }
        next if !$count;
        write_lines($text, @lines);
        print name_of($text), ': ', plural($count, 'line'), "\n";
    }
}

# ---- all of it ----

# Returns whether nothing is left to the author. The chosen places are candidates that an earlier
# run has named.
sub carry {
    my (@chosen) = @_;
    my $before = read_book();
    my $tree = last_tree($before);
    return !print "the book has no chapter\n" if !keys %$tree;
    my $made = carry_names($before);
    my @chunks = map { chunks(last_tree($made), $_) } differing(last_tree($made));
    note_new_words($made, @chunks);
    place_chunk($made, $_) for @chunks;
    place_inserts($made, \@chunks, {map { $_ => 1 } @chosen});
    refuse_moved(\@chunks);
    my @taken = carried($made, grep { !$_->{reason} } @chunks);
    my $after = read_book();
    write_lines($_, @{$Book::unwritten{$_}}) for sort keys %Book::unwritten;

    my $edits = by_path(map { @{$_->{edits}} } @taken);
    say_carried($edits, @taken);
    my $left = say_left($edits, grep { $_->{reason} } @chunks);
    $left += say_replaced($edits, @taken);
    $left += say_files($after);
    print map { s/: (.*)\n.*/: left to you: $1\n/sr } @{$after->{problems}};
    $left += say_mentions($before);
    return !$left && !@{$after->{problems}};
}

1;
