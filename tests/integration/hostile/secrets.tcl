# Secrets do not stay in the server's memory once they are used: its own memory is searched for them.

if {[server_is_slow]} {
    emit @skip "(the file)" "a sanitizer keeps what is freed, and maps more than can be searched"
    return
}

# How many times TEXT stands in the memory of process PID. What is mapped from files and never written has
# no secrets.
set search {
    my ($pid, $text) = @ARGV;
    open my $maps, "<", "/proc/$pid/maps" or die;
    open my $memory, "<", "/proc/$pid/mem" or die;
    my $count = 0;
    while (<$maps>) {
        /^(\w+)-(\w+) r(.)\S* \S+ \S+ (\d+)/ && ($3 eq "w" || !$4) or next;
        my ($first, $size, $bytes) = (hex $1, hex($2) - hex($1));
        sysseek $memory, $first, 0 and sysread $memory, $bytes, $size or next;
        $count++ while $bytes =~ /\Q$text\E/g;
    }
    print $count;
}
proc occurrences {text} {
    return [exec perl -e $::search [srv pid] $text]
}

start_server {tags sluice} {
    test "the search finds what is there" {
        r set key Known-3f7a
        assert {[occurrences Known-3f7a] > 0}
    }

    test "a wrong password" {
        r config set requirepass Set-8c10
        assert_error WRONGPASS* {r auth Wrong-8c11}
        assert_error WRONGPASS* {r auth default Wrong-8c12}
        assert_error WRONGPASS* {r hello 3 auth default Wrong-8c13}
        foreach secret {Wrong-8c11 Wrong-8c12 Wrong-8c13} { assert_equal 0 [occurrences $secret] $secret }
    }

    test "passwords that are no longer set" {
        reconnect
        r auth Set-8c10
        r config set requirepass First-5d21
        r auth First-5d21
        r hello 2 auth default First-5d21
        r config set requirepass Second-5d22 masterauth Third-5d23
        r auth default Second-5d22
        # What is in force is kept once, and the default value of nothing.
        assert_equal 1 [occurrences Second-5d22]
        assert_equal 1 [occurrences Third-5d23]
        r config set requirepass "" masterauth ""
        foreach secret {First-5d21 Second-5d22 Third-5d23} { assert_equal 0 [occurrences $secret] $secret }
    }

    # With a TLS port it is refused, else set: in both cases it is gone afterwards.
    test "a passphrase" {
        catch {r config set tls-key-file-pass Phrase-9e31 tls-key-file /nonexistent}
        r config set tls-key-file-pass ""
        assert_equal 0 [occurrences Phrase-9e31]
    }
}

start_server {tags sluice conf "requirepass Config-1a41\nmasterauth Config-1a42\n" args {--masteruser Args-1a43} client 0} {
    test "passwords of the configuration" {
        r auth Config-1a41
        # In force, and what CONFIG REWRITE compares with.
        assert_range [occurrences Config-1a41] 1 4
        r config set requirepass Later-1a44 masterauth "" masteruser ""
        r config rewrite
        foreach secret {Config-1a41 Config-1a42 Args-1a43} { assert_equal 0 [occurrences $secret] $secret }
    }
}
