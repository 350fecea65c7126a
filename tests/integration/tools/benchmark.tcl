# redis-benchmark against the server under test.

file_needs benchmark

# Runs redis-benchmark against the innermost server: its output; fails when it does not end well.
proc benchmark {args} {
    set command [list timeout -k 2 60 [benchmark_program] -h 127.0.0.1 -p [srv port]]
    if {[srv tls]} {
        lappend command --tls --cacert [certificate ca.crt] --cert [certificate client.crt] --key [certificate client.key]
    }
    if {[catch {exec -ignorestderr {*}$command {*}$args 2>@1} output]} {
        fail "redis-benchmark $args: $output"
    }
    return $output
}

proc calls_of {command} {
    if {[regexp "cmdstat_$command:calls=(\\d+)" [r info commandstats] -> calls]} { return $calls }
    return 0
}

start_server {} {
    test "benchmark: -t set,get runs the requests it was asked for" {
        r config resetstat
        r flushall
        benchmark -t set,get -n 1000 -c 5
        assert_equal {1000 1000} [list [calls_of set] [calls_of get]]
        assert_equal 1 [r dbsize]
    }

    test "benchmark: -n smaller than -c" {
        r config resetstat
        benchmark -t set -n 3 -c 10
        assert_equal 3 [calls_of set]
    }

    test "benchmark: -r spreads over keys, -d sizes values" {
        r flushall
        benchmark -t set -n 2000 -c 5 -r 100 -d 300
        assert_range [r dbsize] 50 100
        assert_equal 300 [r strlen [r randomkey]]
        assert_match "key:????????????" [r randomkey]
    }

    test "benchmark: __data__ in a command becomes -d bytes, wherever it stands" {
        r flushall
        benchmark -n 20 -c 2 -d 40 -q mset a __data__ b x__data____data__y
        assert_equal {40 82} [list [r strlen a] [r strlen b]]
    }

    test "benchmark: what is out of range is the nearest, as with Redis's" {
        foreach {flag value} {-d 0 -d -5 -P 0 -P -1 --threads 0 --threads -3 -r -1 --precision 99} {
            r flushall
            benchmark -t set -n 20 -c 2 -q $flag $value
            assert_equal 1 [r dbsize] $flag
            if {$flag eq "-d"} { assert_equal 1 [r strlen [r randomkey]] }
        }
        assert_match "*multi-thread: no*" [benchmark -t ping_mbulk -n 20 -c 2 --threads 0]
    }

    test "benchmark: the payload of a command is its request" {
        assert_match "*\n  25 bytes payload\n*" [benchmark -n 20 -c 2 ping hello]
        assert_match "*\n  7 bytes payload\n*" [benchmark -n 20 -c 2 -d 7 -t set]
        assert_match "*Option -t is ignored.*25 bytes payload*" [benchmark -n 20 -c 2 -t set ping hello]
    }

    test "benchmark: tests that do not exist are said, the others run, -l of none ends" {
        r config resetstat
        assert_match {*WARNING: there is no test "nosuch"*SET: *} [benchmark -t set,nosuch -n 20 -c 2 -q]
        assert_equal 20 [calls_of set]
        benchmark -t nosuch -l -q
    }

    test "benchmark: a refused connection is said once, with its target" {
        set port [free_port]
        catch {exec timeout 60 [benchmark_program] -p $port -n 10 -q -t ping} said
        assert_match "*Could not connect to Redis at 127.0.0.1:$port: Connection refused*" $said
        assert_no_match "*(peer*" $said
    }

    test "benchmark: -x without a command is nothing" {
        r config resetstat
        benchmark -x -t get -n 20 -c 2 -q
        assert_equal 20 [calls_of get]
    }

    test "benchmark: -P pipelines" {
        r config resetstat
        benchmark -t set -n 10000 -c 10 -P 16
        assert_range [calls_of set] 10000 10016
    }

    test "benchmark: --csv has a head and a line for each test" {
        set lines [split [string trim [benchmark -t ping,set -n 100 -c 2 --csv]] \n]
        assert_match {"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"} [
            lsearch -inline $lines {"test"*}]
        assert_equal 1 [llength [lsearch -all $lines {"SET","*}]]
        assert_equal 2 [llength [lsearch -all $lines {"PING_*}]]
    }

    test "benchmark: -q prints one line for each test" {
        assert_match "*SET: * requests per second, p50=* msec*" [benchmark -t set -n 100 -c 2 -q]
    }

    test "benchmark: the report has throughput and percentiles" {
        set output [benchmark -t get -n 1000 -c 3]
        assert_match "*====== GET ======*1000 requests completed in * seconds*3 parallel clients*" $output
        assert_match "*throughput summary: * requests per second*latency summary (msec):*p50*p95*p99*max*" $output
    }

    test "benchmark: --threads" {
        r config resetstat
        benchmark -t set -n 5000 -c 8 --threads 2
        assert_equal 5000 [calls_of set]
    }

    test "benchmark: a command of one's own with __rand_int__" {
        r flushall
        r config resetstat
        benchmark -n 500 -c 5 -r 50 set own:__rand_int__ value
        assert_equal 500 [calls_of set]
        assert_range [r dbsize] 25 50
        assert_match "own:????????????" [r randomkey]
    }

    test "benchmark: -3 speaks RESP3" {
        benchmark -3 -t get -n 100 -c 2 -q
    }

    test "benchmark: --dbnum" {
        r flushall
        benchmark -t set -n 100 -c 2 --dbnum 9
        assert_equal 0 [r dbsize]
        r select 9
        assert_equal 1 [r dbsize]
        r select 0
    }

    test "benchmark: -k 0 connects for each request" {
        set before [s total_connections_received]
        benchmark -t set -n 50 -c 2 -k 0
        assert {[s total_connections_received] - $before >= 50}
    }

    test "benchmark: many connections and large values" {
        benchmark -t set,get -n 2000 -c 200 -d 20000 -q
    }

    test "benchmark: errors of the server end it" {
        r set text abc
        set command [list timeout 60 [benchmark_program] -h 127.0.0.1 -p [srv port] -n 10 -c 1]
        if {[srv tls]} {
            lappend command --tls --cacert [certificate ca.crt] --cert [certificate client.crt] --key [certificate client.key]
        }
        assert_equal 1 [catch {exec {*}$command incr text 2>@1} output]
        assert_match "*ERR value is not an integer or out of range*" $output
    }

    test "benchmark: no server, an error and not a hang" {
        assert_equal 1 [catch {exec timeout 60 [benchmark_program] -h 127.0.0.1 -p [free_port] -t ping -n 10 2>@1} output]
        assert_match "*Could not connect*refused*" $output
    }
}

start_server {overrides {requirepass secret}} {
    test "benchmark: -a authenticates" {
        r config resetstat
        benchmark -a secret -t set -n 100 -c 3 -q
        assert_equal 100 [calls_of set]
        benchmark --user default -a secret -t set -n 100 -c 3 -q
        assert_equal 200 [calls_of set]
    }
}

test "benchmark: over a unix socket" {
    set path [file join $::work_dir bench.sock]
    start_server [list overrides [list unixsocket $path]] {
        r config resetstat
        exec timeout 60 [benchmark_program] -s $path -t set -n 100 -c 3 -q 2>@1
        assert_equal 100 [calls_of set]
    }
}

test "benchmark: every flag of --help is in the manual" {
    set channel [open [file join $::root docs man redis-benchmark.1]]
    set manual [read $channel]
    close $channel
    set missing {}
    foreach {line flag} [regexp -all -inline -line {^ -(-?[a-zA-Z0-9-]+)} [exec [benchmark_program] --help]] {
        if {![regexp "Fl (\\w , |Fl |\\w Ar \\w+ , )*$flag\\M" $manual]} { lappend missing $flag }
    }
    assert_equal {} $missing
}
