# KEYS over a large database: it is answered in slices, while other clients are served.

# In steps, each of which answers in time also where everything is slow; keys that are there stay.
proc populate {count {prefix key}} {
    for {set done 0} {$done < $count} {} {
        set done [expr {min($done + 250000, $count)}]
        r debug populate $done $prefix
    }
}

# The client waits for its KEYS: true once somebody else sees it.
proc walk_has_begun {id} {
    return [string match *flags=b* [r client list id $id]]
}

start_server {} {
    test "KEYS over many keys answers each once" {
        populate 30000
        assert_equal 30000 [llength [lsort -unique [r keys *]]]
        assert_equal 10 [llength [r keys key:777?]]
        assert_equal {} [r keys nosuch*]
        assert_equal PONG [r ping]
    }

    test "KEYS of several clients at once" {
        set clients {}
        for {set i 0} {$i < 4} {incr i} {
            set c [redis_deferring_client]
            $c keys *
            $c ping
            lappend clients $c
        }
        foreach c $clients {
            assert_equal 30000 [llength [lsort -unique [$c read]]]
            assert_equal PONG [$c read]
            $c close
        }
    }

    test "KEYS while keys come and go answers those that stay" {
        set c [redis_deferring_client]
        for {set round 0} {$round < 3} {incr round} {
            $c keys *
            for {set i 0} {$i < 300} {incr i} {
                r set new:$round:$i v
                r del gone:$i
                r set gone:$i v
            }
            set keys [$c read]
            assert_equal [llength $keys] [llength [lsort -unique $keys]]
            assert_equal 30000 [llength [lsearch -all -inline -glob $keys key:*]]
        }
        $c close
    }

    test "KEYS is counted once, with main's time" {
        r config resetstat
        r config set slowlog-log-slower-than 0
        r slowlog reset
        r keys key:1*
        assert_match {calls=1,usec=[1-9]*} [info_field [r info commandstats] cmdstat_keys]
        set entries [lsearch -all -inline -index 3 [r slowlog get 10] {keys key:1*}]
        assert_equal 1 [llength $entries]
        r config set slowlog-log-slower-than 10000
    }

    test "KEYS inside MULTI is answered in place" {
        r multi
        r keys key:1234?
        r set after 1
        lassign [r exec] keys ok
        assert_equal 10 [llength $keys]
        assert_equal OK $ok
        r del after
    }

    test "KEYS with CLIENT REPLY OFF answers nothing" {
        set c [redis_deferring_client]
        $c client reply skip
        $c keys *
        $c ping
        assert_equal PONG [$c read]
        $c close
    }

    test "Pushes come before the KEYS that is not answered yet, never within" {
        set c [redis_deferring_client]
        $c hello 3
        $c read
        $c subscribe ch
        $c read
        for {set i 0} {$i < 20} {incr i} {
            $c keys key:1234?
            r publish ch m$i
            set messages 0
            set answers 0
            while {$messages + $answers < 2} {
                set reply [$c read]
                if {[llength $reply] == 3} { incr messages } else {
                    assert_equal 10 [llength $reply]
                    incr answers
                }
            }
            assert_equal {1 1} [list $messages $answers]
        }
        $c close
    }

    # From here on the walks are long enough to be met.
    test "KEYS cannot be unblocked, and ends with its client" {
        r flushall
        populate 1000000
        set c [redis_deferring_client]
        $c client id
        set id [$c read]
        set seen 0
        for {set i 0} {$i < 20 && !$seen} {incr i} {
            $c keys *x*
            if {[walk_has_begun $id]} { set seen 1 }
            if {$seen} { assert_equal 0 [r client unblock $id error] }
            assert_equal {} [$c read]
        }
        $c keys *
        assert_equal 1 [r client kill id $id]
        $c close
        set c [redis_deferring_client]
        $c keys *
        $c close
        wait_until {} 10 {regexp -inline {cmd=keys[^\n]*flags=b} [r client list]}
        assert_equal PONG [r ping]
    }

    test "KEYS during SWAPDB goes on in the keys it began with" {
        set c [redis_deferring_client]
        for {set i 0} {$i < 4} {incr i} {
            $c keys key:12345?
            r swapdb 0 9
            assert_equal 0 [r dbsize]
            assert {[llength [$c read]] in {0 10}}
            r swapdb 0 9
        }
        assert_equal 1000000 [r dbsize]
        $c close
    }

    test "KEYS goes over the output limit of its client" {
        r config set client-output-buffer-limit "normal 1mb 0 0"
        set c [redis_deferring_client]
        $c keys *
        assert_error * {$c read}
        $c close
        r config set client-output-buffer-limit "normal 0 0 0"
        assert {[s client_output_buffer_limit_disconnections] >= 1}
    }

    test "KEYS during FLUSHALL ends with what it has found" {
        foreach how {async sync} {
            populate 1000000
            set c [redis_deferring_client]
            $c keys key:12345?
            r flushall $how
            assert_range [llength [$c read]] 0 10
            assert_equal 0 [r dbsize]
            assert_equal {} [r keys *]
            r set one 1
            assert_equal one [r keys *]
            r del one
            $c close
        }
    }
}
