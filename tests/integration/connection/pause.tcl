# CLIENT PAUSE and UNPAUSE.

# Waits until a command is held back; it has no reply then.
proc assert_held {c} {
    wait_until 1 10 {s blocked_clients}
    assert_equal "" [$c read_available]
}

start_server {} {
    test "CLIENT PAUSE holds commands back and UNPAUSE lets them go" {
        set c [redis_deferring_client]
        assert_equal OK [r client pause 60000 write]
        $c set paused 1
        assert_held $c
        assert_equal OK [r client unpause]
        assert_equal OK [$c read]
        $c close
    }

    test "UNPAUSE lets clients go at once, though the next pause follows" {
        set c [redis_deferring_client]
        for {set i 0} {$i < 5} {incr i} {
            r client pause 60000 write
            $c incr rounds
            wait_until 1 5 {s blocked_clients}
            r client unpause
            r client pause 60000 write
            assert_equal [expr {$i + 1}] [$c read]
            r client unpause
        }
        $c close
    }

    test "CLIENT PAUSE ends by itself" {
        set c [redis_deferring_client]
        set start [clock milliseconds]
        r client pause 100
        $c get paused
        assert_equal 1 [$c read]
        assert {[clock milliseconds] - $start >= 100}
        $c close
    }

    test "CLIENT PAUSE WRITE lets reads pass" {
        set reader [redis_client]
        set writer [redis_deferring_client]
        r client pause 60000 write
        assert_equal 1 [$reader get paused]
        $writer set paused 2
        assert_held $writer
        assert_equal 1 [$reader get paused]
        r client unpause
        assert_equal OK [$writer read]
        assert_equal 2 [$reader get paused]
        $reader close
        $writer close
    }

    test "Writes of the client that paused wait as well" {
        set c [redis_deferring_client]
        $c client pause 60000 write
        assert_equal OK [$c read]
        $c incr paused
        assert_held $c
        r client unpause
        assert_equal 3 [$c read]
        $c close
    }

    test "Order within a connection holds across a pause" {
        set c [redis_deferring_client]
        r client pause 60000 write
        $c set order 1
        $c get order
        $c set order 2
        $c get order
        assert_held $c
        r client unpause
        assert_equal {OK 1 OK 2} [list [$c read] [$c read] [$c read] [$c read]]
        $c close
    }

    test "Keys do not expire during CLIENT PAUSE" {
        r set volatile 1 px 50
        r client pause 60000 write
        resp::pause_ms 150
        set expired [s expired_keys]
        resp::pause_ms 200
        assert_equal $expired [s expired_keys]
        r client unpause
        wait_until 0 5 {r dbsize; r exists volatile}
    }

    test "A longer pause is not cut by a shorter one" {
        set c [redis_deferring_client]
        r client pause 60000 write
        r client pause 10 write
        $c set paused 9
        assert_held $c
        resp::pause_ms 100
        assert_held $c
        r client unpause
        assert_equal OK [$c read]
        $c close
    }

    test "Errors of CLIENT PAUSE" {
        assert_error "ERR timeout is not an integer or out of range" {r client pause abc}
        assert_error "ERR timeout is negative" {r client pause -1}
        assert_error "ERR CLIENT PAUSE mode must be WRITE or ALL" {r client pause 1 wrong}
        assert_equal OK [r client unpause]
    }

    test "Paused clients are counted as blocked" {
        set c [redis_deferring_client]
        r client pause 60000 write
        $c set paused 1
        wait_until 1 5 {s blocked_clients}
        assert_match "*flags=b *" [lsearch -inline [split [r client list] \n] "*cmd=set*"]
        r client unpause
        assert_equal OK [$c read]
        assert_equal 0 [s blocked_clients]
        $c close
    }

    test "A paused client can be killed" {
        set c [redis_deferring_client]
        $c client id
        set id [$c read]
        r client pause 60000 write
        $c set paused nope
        wait_until 1 5 {s blocked_clients}
        assert_equal 1 [r client kill id $id]
        assert_equal 1 [$c eof]
        r client unpause
        assert_equal 1 [r get paused]
        $c close
    }
}
