# Connections between threads: another number of threads under load, elastic and fixed placement, and
# what INFO threads says about it.

# Clients of each thread, as INFO threads has them: {0 n 1 n ...}.
proc spread {} {
    set found {}
    foreach {line index count} [regexp -all -inline {io_thread_(\d+):[^\r\n]*?clients=(\d+)} [r info threads]] {
        lappend found $index $count
    }
    return $found
}

proc thread_count {} { return [expr {[llength [spread]] / 2}] }

# Threads beside main that have at least COUNT clients.
proc threads_with {count} {
    set found 0
    foreach {index clients} [spread] { if {$index > 0 && $clients >= $count} { incr found } }
    return $found
}

proc start_load {args} {
    set command [list timeout -k 2 60 [benchmark_program] -h 127.0.0.1 -p [srv port] -q]
    if {[srv tls]} {
        lappend command --tls --cacert [certificate ca.crt] --cert [certificate client.crt] --key [certificate client.key]
    }
    return [exec {*}$command {*}$args >/dev/null 2>/dev/null &]
}

proc stop_load {pid} { catch {exec kill $pid} }

# Pipelines of echoes whose replies tell which request they answer.
proc send_numbers {c first count} {
    set bytes ""
    for {set i $first} {$i < $first + $count} {incr i} {
        append bytes [resp::encode [list echo $i.[string repeat x [expr {$i * 37 % 3000}]]]]
    }
    $c write $bytes
    $c flush
}

proc check_numbers {c first count} {
    for {set i $first} {$i < $first + $count} {incr i} {
        set reply [$c read]
        if {$reply ne "$i.[string repeat x [expr {$i * 37 % 3000}]]"} { fail "reply $i is [brief $reply]" }
    }
}

start_server [list overrides [list io-threads 2]] {
    test "io-threads changes under load, and no reply is lost or out of order" {
        set clients {}
        for {set i 0} {$i < 12} {incr i} { lappend clients [redis_deferring_client] }
        set first 0
        foreach threads {4 1 3 8 2 1 5} {
            foreach c $clients { send_numbers $c $first 60 }
            assert_equal OK [r config set io-threads $threads]
            foreach c $clients { check_numbers $c $first 60 }
            incr first 60
            set expected [expr {$threads == 1 ? 1 : $threads + 1}]
            for {set round 0} {[thread_count] != $expected} {incr round} {
                if {$round > 500} { fail "[thread_count] threads, not $expected" }
                foreach c $clients { send_numbers $c $first 20 }
                foreach c $clients { check_numbers $c $first 20 }
                incr first 20
            }
            assert_equal $threads [s io_threads]
        }
        foreach c $clients { $c close }
    } {sluice}

    test "Threads that are gone leave their counters" {
        set before [s total_connections_received]
        set c [redis_client]
        $c ping
        $c close
        r config set io-threads 1
        wait_until 1 10 {thread_count}
        assert_equal [expr {$before + 1}] [s total_connections_received]
        assert_error "*must be between 1 and 128*" {r config set io-threads 129}
        assert_error "*must be between 1 and 128*" {r config set io-threads 0}
    } {sluice}
}

start_server [list overrides [list io-threads 4 io-threads-elastic no]] {
    test "Fixed placement spreads connections, and spreads them again over more threads" {
        set clients {}
        for {set i 0} {$i < 40} {incr i} { lappend clients [redis_client] }
        foreach c $clients { assert_equal PONG [$c ping] }
        assert_equal 4 [threads_with 10]
        r config set io-threads 8
        wait_until 8 10 {threads_with 3}
        foreach c $clients { assert_equal PONG [$c ping] }
        r config set io-threads-elastic yes
        wait_until 41 10 {foreach c $clients { $c ping }; dict get [spread] 0}
        r config set io-threads-elastic no
        wait_until 0 10 {dict get [spread] 0}
        foreach c $clients { $c close }
    } {sluice}
}

start_server [list overrides [list io-threads 8]] {
    test "Few quiet connections live on the main thread" {
        set clients {}
        for {set i 0} {$i < 10} {incr i} { lappend clients [redis_client] }
        wait_until 11 10 {foreach c $clients { $c ping }; dict get [spread] 0}
        foreach c $clients { $c close }
    } {sluice}

    test "Busy pipelined connections spread over all threads, and replies stay right" {
        set load [start_load -c 200 -P 16 -n 100000000 -t get]
        set c [redis_deferring_client]
        set first 0
        set deadline [expr {[clock seconds] + 30}]
        while {[threads_with 15] < 8} {
            if {[clock seconds] > $deadline} { fail "spread: [spread]" }
            send_numbers $c $first 50
            check_numbers $c $first 50
            incr first 50
        }
        stop_load $load
        wait_until 2 20 {s connected_clients}
        $c close
    } {sluice}
}
