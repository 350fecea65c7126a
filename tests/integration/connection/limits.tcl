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
