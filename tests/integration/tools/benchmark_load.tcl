# redis-benchmark: the shape of the load, handshakes, two servers, files; counted by the server.

file_needs benchmark

proc tls_words {} {
    return [list --tls --cacert [certificate ca.crt] --cert [certificate client.crt] --key [certificate client.key]]
}

proc benchmark_words {} {
    set words [list [benchmark_program] -h 127.0.0.1 -p [srv port]]
    if {[srv tls]} { lappend words {*}[tls_words] }
    return $words
}

# Output of a run that must end well.
proc load_with {args} {
    if {[catch {exec -ignorestderr timeout -k 2 60 {*}[benchmark_words] {*}$args 2>@1} output]} {
        fail "redis-benchmark $args: $output"
    }
    return $output
}

# Output of a run that must end with 1.
proc refusal {args} {
    set failed [catch {exec timeout -k 2 20 {*}[benchmark_words] {*}$args 2>@1} output options]
    assert_equal 1 $failed
    assert_equal 1 [lindex [dict get $options -errorcode] 2]
    return $output
}

proc calls_of {command} {
    if {[regexp "cmdstat_$command:calls=(\\d+)" [r info commandstats] -> calls]} { return $calls }
    return 0
}

proc handshakes_of {kind} {
    regexp "tls_handshakes_$kind:(\\d+)" [r info tls] -> count
    return $count
}

proc file_text {path} {
    set channel [open $path]
    set text [read $channel]
    close $channel
    return $text
}

# A number that the JSON of one test has.
proc json_number {path name} {
    regexp {"tests": .*} [file_text $path] tests
    if {![regexp "\"$name\": (\[-0-9.]+)" $tests -> number]} { fail "no $name in $path" }
    return $number
}

set json [file join $::work_dir load.json]
set hdr [file join $::work_dir load.hdr]

start_server {} {
    test "benchmark load: --rps for --duration sends as many requests as belong to it" {
        r config resetstat
        load_with --rps 1500 --duration 1 -t set -c 20 -q --json $json
        assert_equal 1500 [calls_of set]
        assert_equal 1500 [json_number $json requests]
        # Never early: the last one belongs to 1499/1500 of the second.
        assert {[json_number $json seconds] > 0.99}
    }

    test "benchmark load: progress of few requests a second is shown as it is made" {
        set lines [regexp -all -inline {rps=[0-9.]+ \(overall: [0-9.]+\)} [load_with --rps 200 --duration 1.3 -t set -c 5 -q]]
        assert {[llength $lines] >= 3}
        assert_equal {} [lsearch -inline $lines "*overall: 0.0*"]
        regexp {overall: ([0-9.]+)} [lindex $lines end] -> overall
        assert_range $overall 140 220
    }

    test "benchmark load: --rps with -n, pipelines and threads" {
        r config resetstat
        load_with --rps 20000 -n 4000 -P 4 --threads 3 -c 9 -t set -q
        assert_equal 4000 [calls_of set]
    }

    test "benchmark load: --rps counts what waits behind a slow reply" {
        # One connection, 500 requests a second, and a server that rests 300 ms of them: many
        # requests wait, though only few were under way.
        set channel [open |[list timeout -k 2 60 {*}[benchmark_words] --rps 500 --duration 1.5 -c 1 -t get -q --json $json 2>@1]]
        set before [calls_of get]
        wait_until 1 10 { expr {[calls_of get] > $before} }
        r debug sleep 0.3
        read $channel
        close $channel
        assert_equal 750 [json_number $json requests]
        assert {[json_number $json p95] > 50}
    }

    test "benchmark load: --duration ends a closed loop" {
        r config resetstat
        load_with --duration 300ms -t set -c 5 -q --json $json
        assert_equal [calls_of set] [json_number $json requests]
        assert {[json_number $json seconds] >= 0.3}
        assert {[calls_of set] > 0}
    }

    test "benchmark load: --warmup is sent and not counted" {
        r config resetstat
        load_with --warmup 300 -n 500 -t set -c 5 -q --json $json --threads 2
        assert_equal 800 [calls_of set]
        assert_equal 500 [json_number $json requests]
        r config resetstat
        load_with --warmup 100ms -n 500 -t set -c 5 -q --json $json
        assert {[calls_of set] > 500}
        assert_equal 500 [json_number $json requests]
    }

    test "benchmark load: --ratio" {
        r config resetstat
        load_with --ratio 1:10 -n 2200 -c 7 --threads 2 -q
        assert_equal {200 2000} [list [calls_of set] [calls_of get]]
        r config resetstat
        load_with --ratio 3:0 -n 320 -P 16 -c 7 -q
        assert_equal {320 0} [list [calls_of set] [calls_of get]]
    }

    test "benchmark load: --key-pattern sequential sets every key once, reads what it has set" {
        r flushall
        r config resetstat
        load_with -t set -n 500 -r 500 --key-pattern sequential -c 7 --threads 3 -q
        assert_equal 500 [r dbsize]
        assert_equal 1 [r exists key:000000000499]
        r flushall
        load_with --ratio 1:1 -n 600 -r 300 --key-pattern S -c 5 -P 4 -q
        assert_equal 300 [r dbsize]
    }

    test "benchmark load: --key-pattern gaussian favours the middle" {
        r flushall
        load_with -t set -n 3000 -r 3000 --key-pattern gaussian -c 5 -q
        set middle 0
        set edge 0
        foreach key [r keys *] {
            scan $key "key:%d" number
            if {$number >= 1000 && $number < 2000} { incr middle }
            if {$number < 500 || $number >= 2500} { incr edge }
        }
        assert {$middle > 4 * $edge}
        assert {$middle > 500}
    }

    test "benchmark load: --data-size-range" {
        r flushall
        load_with -t set -n 400 -r 400 --key-pattern sequential --data-size-range 10-20 -c 5 -q
        set sizes [dict create]
        foreach key [r keys *] { dict incr sizes [r strlen $key] }
        assert_equal {10 11 12 13 14 15 16 17 18 19 20} [lsort -integer [dict keys $sizes]]
        load_with --ratio 1:1 -n 100 -c 5 --data-size-range 1-3 -q
        load_with -t lpush,hset,mset,get -n 100 -c 5 -P 3 --data-size-range 9-5000 -q
    }

    test "benchmark load: -k 0 with and without the handshake" {
        # The quickest of each: other processes disturb the median.
        load_with -k 0 -t ping_mbulk -n 100 -c 1 -q --json $json
        set whole [json_number $json min]
        load_with -k 0 -t ping_mbulk -n 100 -c 1 -q --keep-handshake-out --json $json
        assert_equal 100 [json_number $json requests]
        assert {[json_number $json min] < $whole}
    }

    test "benchmark load: --handshakes" {
        set connections [s total_connections_received]
        r config resetstat
        if {[srv tls]} { set full [handshakes_of full] }
        assert_match "*HANDSHAKES (full): * connections per second, p50=* msec*" [load_with --handshakes -n 60 -c 4 -q --json $json]
        assert_equal 60 [json_number $json requests]
        assert_equal 60 [calls_of ping]
        assert_equal 60 [s total_connections_received]
        if {[srv tls]} { assert_equal 60 [expr {[handshakes_of full] - $full}] }
        assert_equal 0 [json_number $json resumed]
    }

    test "benchmark load: --handshakes with --rps and a duration" {
        r config resetstat
        load_with --handshakes full --rps 100 --duration 500ms -c 10 -q
        assert_equal 50 [calls_of ping]
    }

    test "benchmark load: --handshakes resumed" {
        if {![srv tls]} {
            assert_match "*--handshakes resumed needs --tls*" [refusal --handshakes resumed]
        } else {
            set full [handshakes_of full]
            set resumed [handshakes_of resumed]
            load_with --handshakes resumed -n 60 -c 4 -q --json $json
            # One more gives the session.
            assert_equal {1 60} [list [expr {[handshakes_of full] - $full}] [expr {[handshakes_of resumed] - $resumed}]]
            assert_equal 60 [json_number $json resumed]
        }
    }

    test "benchmark load: --hdr" {
        load_with -t get -n 1000 -c 5 -q --hdr $hdr --json $json
        set text [file_text $hdr]
        assert_match "       Value   Percentile   TotalCount 1/(1-Percentile)\n\n*" $text
        assert_match "*\n#\\\[Mean    = *, StdDeviation   = *\]\n#\\\[Max     = *, Total count    =         1000\]\n#\\\[Buckets =           26, SubBuckets     =         2048\]\n*" $text
        set before 0
        set rows 0
        foreach line [split $text \n] {
            if {[scan $line "%f %f %d %s" value percentile count inverse] != 4} continue
            assert {$count >= $before && $value >= 0 && $percentile <= 1}
            set before $count
            incr rows
        }
        assert_equal 1000 $before
        assert {$rows > 5}
        assert_equal inf $inverse
    }

    test "benchmark load: --json on standard output is all there" {
        set text [exec timeout 60 {*}[benchmark_words] -n 100 -c 2 --json - set {a"b} x 2>@1]
        assert_match "{\"program\": \"redis-benchmark\"*\"title\": \"set a\\\\\"b x\"*\]}" $text
        set sum 0
        regexp {"histogram_us": \[(.*)\]\}} $text -> pairs
        foreach {- value count} [regexp -all -inline {\[(\d+), (\d+)\]} $pairs] { incr sum $count }
        assert_equal 100 $sum
    }

    test "benchmark load: --compare runs both in turns" {
        set scheme [expr {[srv tls] ? "rediss" : "redis"}]
        set a [srv port]
        r config resetstat
        set words [benchmark_words]
        start_server {} {
            r config resetstat
            set targets [list $scheme://127.0.0.1:$a $scheme://127.0.0.1:[srv port]]
            set output [load_with --compare {*}$targets -t set -n 1000 -c 5 --json $json]
            assert_match "*A: 127.0.0.1:$a*, 1000 completed*B: 127.0.0.1:[srv port]*, 1000 completed*A/B *" $output
            assert_equal 1000 [calls_of set]
            assert {[json_number $json slices] == 10}
            assert_match "*SET: A *, B * per second; A/B *, p50 *, p99 *" [load_with --compare {*}$targets -t set -n 1000 -q]
            assert_match "*\"SET\",\"A/B\",*" [load_with --compare {*}$targets -t set -n 100 --csv]
            load_with --compare {*}$targets --handshakes -n 20 -c 2 -q
        }
        assert_equal 2100 [calls_of set]
    }

    foreach {flags text} {
        {--rps 0} {--rps: 0 is out of range}
        {--rps x} {"x" is not a number}
        {--duration x} {--duration: "x" is not a time}
        {--duration -1} {--duration: "-1" is not a time}
        {--warmup 0} {--warmup: "0" is neither}
        {--ratio 1} {is not of the form SETS:GETS}
        {--ratio 0:0} {is out of range}
        {--ratio 1:1 -t get} {neither -t nor a command}
        {--ratio 1:1 get x} {neither -t nor a command}
        {--data-size-range 5} {is not of the form MIN-MAX}
        {--data-size-range 9-3} {the smaller number first}
        {--data-size-range 1-3 get x} {not for a command}
        {--key-pattern z -r 5} {is not one of random, sequential, gaussian}
        {--key-pattern S} {needs a range of keys}
        {--handshakes -P 2} {goes with neither -P}
        {--handshakes -t get} {--handshakes is a test of its own}
        {--keep-handshake-out} {it needs -k 0}
        {--compare a} {needs two targets}
        {--compare x://a redis://b} {Invalid URI scheme}
        {--cluster} {--cluster is not supported yet}
        {-l --json x} {it goes with neither --json nor --hdr}
        {--json /nonexistent/x} {could not write /nonexistent/x: No such file or directory}
        {--hdr} {Invalid option "--hdr" or option argument missing}
    } {
        test "benchmark load: refused in words: $flags" {
            assert_match "*[string map {[ \\[ ] \\]} $text]*" [refusal {*}$flags]
        }
    }

    test "benchmark load: a TLS failure is explained" {
        if {[srv tls]} {
            set words [list -h 127.0.0.1 -p [srv port] --tls]
            assert_equal 1 [catch {exec timeout 60 [benchmark_program] {*}$words --cacert [certificate other-ca.crt] 2>@1} output]
            assert_match "*certificate verify failed*(*--cacert*)*" $output
            assert_equal 1 [catch {exec timeout 60 [benchmark_program] {*}$words --handshakes --cacert [certificate ca.crt] 2>@1} output]
            assert_match "*(*--cert and --key*)*" $output
        } else {
            set words [list -h 127.0.0.1 -p [srv port] --tls -t get]
            assert_equal 1 [catch {exec timeout 60 [benchmark_program] {*}$words --insecure 2>@1} output]
            assert_match "*(is it a plaintext port? *)*" $output
        }
    } {built_tls}
}
