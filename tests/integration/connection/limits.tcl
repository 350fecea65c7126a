# timeout, maxclients, tcp-keepalive.

start_server {overrides {timeout 1}} {
    test "An idle client is closed after timeout" {
        set c [redis_client]
        set start [clock milliseconds]
        $c ping
        assert_equal 1 [$c eof]
        assert {[clock milliseconds] - $start >= 500}
        $c close
    }

    test "A busy client is not closed" {
        # Longer than an idle one lasts; again, when this process stood still meanwhile.
        set gap 1000000
        for {set try 0} {$try < 10 && $gap > 500} {incr try} {
            set c [redis_client]
            set gap 0
            set start [clock milliseconds]
            for {set last $start} {$last < $start + 2200} {set last $now} {
                if {[catch {$c ping} reply]} { set reply $::errorInfo }
                resp::pause_ms 50
                set now [clock milliseconds]
                set gap [expr {max($gap, $now - $last)}]
            }
            $c close
        }
        assert_equal PONG $reply
    }

    test "CONFIG SET timeout 0 keeps idle clients" {
        set c [redis_client]
        $c config set timeout 0
        resp::pause_ms 1500
        assert_equal PONG [$c ping]
        $c close
    }
}

start_server {overrides {maxclients 10}} {
    test "maxclients refuses the connection after the last with an error" {
        set clients {}
        for {set i 0} {$i < 9} {incr i} {
            set c [redis_client]
            assert_equal PONG [$c ping]
            lappend clients $c
        }
        set extra [redis_client]
        catch {$extra write "PING\r\n"}
        assert_equal "-ERR max number of clients reached\r\n" [$extra raw]
        assert_equal 1 [$extra eof]
        $extra close
        assert_equal 1 [s rejected_connections]
        foreach c $clients { assert_equal PONG [$c ping] }
        [lindex $clients 0] close
        wait_until 9 5 {s connected_clients}
        set c [redis_client]
        assert_equal PONG [$c ping]
        $c close
        foreach c [lrange $clients 1 end] { $c close }
        wait_until 1 5 {s connected_clients}
    } {tells_maxclients}

    test "maxclients can be raised and lowered" {
        assert_equal OK [r config set maxclients 20]
        set clients {}
        for {set i 0} {$i < 15} {incr i} {
            set c [redis_client]
            assert_equal PONG [$c ping]
            lappend clients $c
        }
        # Lowered below the connections there are: nobody is closed, nobody new comes in.
        assert_equal OK [r config set maxclients 5]
        assert_equal PONG [[lindex $clients 14] ping]
        set extra [redis_client]
        catch {$extra write "PING\r\n"}
        assert_equal "-ERR max number of clients reached\r\n" [$extra raw]
        $extra close
        foreach c $clients { $c close }
        wait_until 1 5 {s connected_clients}
        set c [redis_client]
        assert_equal PONG [$c ping]
        $c close
    } {tells_maxclients}

    test "maxclients beyond the descriptors is refused" {
        assert_error "*CONFIG SET failed*maxclients*" {r config set maxclients 100000000}
        assert {[lindex [r config get maxclients] 1] <= 20}
    }
}

start_server {overrides {requirepass secret max-unauthenticated-per-address 3} client 0 tags sluice} {
    # Closed without a word, whatever the port speaks.
    proc await_refusal {} {
        set fd [socket 127.0.0.1 [srv port]]
        fconfigure $fd -blocking 0 -translation binary
        wait_until 1 10 {
            set is_reset [catch {read $fd} text]
            expr {$is_reset || [eof $fd]}
        }
        close $fd
        if {!$is_reset} { assert_equal "" $text }
    }

    test "One address has so many connections that have not authenticated (HOSTILE pre-auth)" {
        set clients {}
        for {set i 0} {$i < 3} {incr i} {
            set c [redis_client]
            assert_error "NOAUTH*" {$c get key}
            lappend clients $c
        }
        await_refusal
        set first [lindex $clients 0]
        assert_equal OK [$first auth secret]
        assert_equal 1 [info_field [$first info stats] rejected_connections]
        assert {[server_log_contains "*refused: max-unauthenticated-per-address (3) reached*"]}
        # Whoever has authenticated counts no more, and counts again after RESET.
        set c [redis_client]
        assert_error "NOAUTH*" {$c get key}
        await_refusal
        assert_equal OK [$c auth secret]
        assert_equal RESET [$c reset]
        await_refusal
        # Who leaves makes room; 0 is no limit.
        $c close
        wait_until 3 10 {info_field [$first info clients] connected_clients}
        lappend clients [redis_client]
        assert_error "NOAUTH*" {[lindex $clients end] get key}
        await_refusal
        # A part of maxclients: no more than the half of 4, and one.
        assert_equal OK [$first config set max-unauthenticated-per-address 0 maxclients 4]
        assert_equal OK [$first config set max-unauthenticated-per-address 50%]
        assert_equal {max-unauthenticated-per-address 50%} [$first config get max-unauthenticated-per-address]
        await_refusal
        assert_equal OK [$first config set maxclients 100 max-unauthenticated-per-address 0]
        for {set i 0} {$i < 5} {incr i} { lappend clients [redis_client] }
        assert_error "NOAUTH*" {[lindex $clients end] get key}
        foreach c $clients { $c close }
    }
}
