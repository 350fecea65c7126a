# Handshakes take turns: the cap on those under way, who waits, who is dropped, and a change of all of
# that while running. Peers are plain sockets that say nothing, next to real clients.

file_needs built_tls

set tls_only [list port 0 tls-port [free_port]]

# Sockets to the TLS port that stay silent.
proc silent_peers {count} {
    set peers {}
    for {set i 0} {$i < $count} {incr i} {
        set channel [socket 127.0.0.1 [srv tls_port]]
        fconfigure $channel -blocking 0 -translation binary
        lappend peers $channel
    }
    return $peers
}

proc close_all {channels} { foreach channel $channels { close $channel } }

proc tls_counter {name} {
    if {![regexp "tls_$name:(\\d+)" [r info tls] -> value]} { fail "no tls_$name" }
    return $value
}

proc under_way {} { return [list [tls_counter handshakes_in_flight] [tls_counter handshakes_waiting]] }

foreach threads {1 3} {
    set overrides [concat $tls_only [list io-threads $threads io-threads-elastic no \
        tls-handshakes-max-per-thread 2 tls-handshake-timeout 60000]]
    set places [expr {$threads == 1 ? 2 : 6}]
    start_server [list overrides $overrides tags sluice] {
        test "No more handshakes than the cap are under way ($threads threads)" {
            assert_equal {0 0} [under_way]
            set peers [silent_peers 20]
            wait_until [list $places [expr {20 - $places}]] 10 {under_way}
            assert_match "*handshakes_waiting=*" [r info threads]
        }

        test "An established client is served meanwhile ($threads threads)" {
            for {set i 0} {$i < 100} {incr i} { assert_equal PONG [r ping] }
        }

        test "Those that go away while they wait give up their place ($threads threads)" {
            close_all [lrange $peers 10 end]
            wait_until [list $places [expr {10 - $places}]] 10 {under_way}
            assert_equal 10 [tls_counter failed_reset]
        }

        test "A larger cap lets those in that wait, at once ($threads threads)" {
            r config set tls-handshakes-max-per-thread 100
            wait_until {10 0} 10 {under_way}
            r config set tls-handshakes-max-per-thread 2
            assert_equal {10 0} [under_way]
            close_all [lrange $peers 0 9]
            wait_until {0 0} 10 {under_way}
        }

        test "Clients take turns and all get in ($threads threads)" {
            r config set tls-handshakes-max-per-thread 1
            set clients {}
            for {set i 0} {$i < 12} {incr i} { lappend clients [redis_client -tls 1] }
            foreach c $clients { assert_equal PONG [$c ping] }
            foreach c $clients { $c close }
            assert_equal 0 [tls_counter handshakes_timed_out]
        }

        test "The deadline of those that wait counts from acceptance ($threads threads)" {
            set peers [silent_peers 12]
            set n [expr {$threads == 1 ? 1 : 3}]
            wait_until [list $n [expr {12 - $n}]] 10 {under_way}
            r config set tls-handshake-timeout 300
            # Those that wait are dropped, those that have begun keep the time they had.
            wait_until [list $n 0] 10 {under_way}
            assert_equal [expr {12 - $n}] [tls_counter handshakes_timed_out]
            close_all $peers
            wait_until {0 0} 10 {under_way}
            r config set tls-handshake-timeout 60000
        }

        test "A value of zero is refused ($threads threads)" {
            assert_error "*must be between*" {r config set tls-handshakes-max-per-thread 0}
        }
    }
}

start_server [list overrides [concat $tls_only [list io-threads 4 io-threads-elastic no \
    tls-handshakes-max-per-thread 3 tls-handshake-timeout 0]] tags sluice] {
    # Threads beside main.
    proc threads_now {} { return [regexp -all {io_thread_[1-9]\d*:} [r info threads]] }

    test "Half-open connections do not keep a thread that retires, without any time limit" {
        set peers [silent_peers 40]
        wait_until {12 28} 10 {under_way}
        r config set io-threads 2
        wait_until 2 10 {threads_now}
        # Those that have begun go on elsewhere, above the cap; most of the others still wait.
        wait_until 40 10 {expr [join [under_way] +]}
        r config set io-threads 1
        wait_until 0 10 {threads_now}
        wait_until 40 10 {expr [join [under_way] +]}
        assert {[tls_counter handshakes_waiting] >= 25 - 3}
        r config set tls-handshakes-max-per-thread 50
        wait_until {40 0} 10 {under_way}
        close_all $peers
        wait_until {0 0} 10 {under_way}
    }
}

# As many as may wait on a thread (ADMISSION_WAITING_MAX); each is a descriptor, here and in the server.
set waiting_max 16384
if {[exec sh -c {ulimit -Hn}] >= $waiting_max + 2000} {
    start_server [list overrides [concat $tls_only [list io-threads 1 maxclients 17000 max-unauthenticated-per-address 0 \
        tls-handshakes-max-per-thread 2 tls-handshake-timeout 0]] tags sluice] {
        test "Who comes when too many wait for their handshake is refused and counted" {
            set script [file join $::root tests support silent-peers.pl]
            set command "ulimit -n [expr {$waiting_max + 1000}] && exec perl $script [srv tls_port] [expr {$waiting_max + 2}]"
            set peers [open |[list sh -c $command 2>@1] r+]
            assert_equal open [gets $peers]
            wait_until [list 2 $waiting_max] 100 {under_way}
            assert_equal 0 [tls_counter handshakes_refused]
            set more [silent_peers 5]
            wait_until 5 10 {tls_counter handshakes_refused}
            foreach channel $more { wait_until 1 10 {read $channel; eof $channel} }
            assert_equal [list 2 $waiting_max] [under_way]
            assert_equal 0 [expr {[tls_counter handshakes_failed] + [tls_counter handshakes_timed_out]}]
            wait_for_log 0 "*too many connections wait for theirs*"
            close_all $more
            assert_error * {set c [redis_client -tls 1]; $c ping}
            assert_equal 6 [tls_counter handshakes_refused]
            assert_equal PONG [r ping]
            close $peers
            wait_until {0 0} 20 {under_way}
            set c [redis_client -tls 1]
            assert_equal PONG [$c ping]
            $c close
            assert_equal 6 [tls_counter handshakes_refused]
        }
    }
}

start_server [list overrides [list io-threads 4 io-threads-elastic no] tags sluice] {
    proc threads_now {} { return [regexp -all {io_thread_[1-9]\d*:} [r info threads]] }

    test "A client that never reads does not keep a thread that retires, and loses nothing" {
        r set big [string repeat x 1000000]
        set slow {}
        for {set i 0} {$i < 6} {incr i} {
            set c [redis_deferring_client -timeout 20000]
            for {set k 0} {$k < 12} {incr k} { $c get big }
            lappend slow $c
        }
        # More than sockets hold is on its way to each of them.
        wait_until 6 10 {regexp -all {omem=\d{6,}} [r client list]}
        foreach threads {2 1 3} {
            r config set io-threads $threads
            wait_until [expr {$threads == 1 ? 0 : $threads}] 10 {threads_now}
        }
        foreach c $slow {
            for {set k 0} {$k < 12} {incr k} { assert_equal 1000000 [string length [$c read]] }
            $c close
        }
    }
}

foreach {name budget} {plain max-new-connections-per-cycle tls max-new-tls-connections-per-cycle} {
    set tls [expr {$name eq "tls"}]
    start_server [list overrides [list port [free_port] tls-port [free_port] $budget 3] tags sluice] {
        test "$budget changes while running, and all get in" {
            foreach value {1 1000 2} {
                assert_equal OK [r config set $budget $value]
                assert_equal $value [lindex [r config get $budget] 1]
                set clients {}
                for {set i 0} {$i < 20} {incr i} { lappend clients [redis_client -tls $tls] }
                foreach c $clients { assert_equal PONG [$c ping] }
                foreach c $clients { $c close }
            }
            assert_error "*must be between*" {r config set $budget 0}
        }
    }
}
