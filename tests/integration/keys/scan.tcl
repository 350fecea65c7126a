# SCAN: every key that is there from the first call to the last is answered.

# All keys that a full iteration answers; SCRIPT runs between the calls.
proc scan_all {arguments {script {}}} {
    set cursor 0
    set keys {}
    set calls 0
    while 1 {
        lassign [r scan $cursor {*}$arguments] cursor batch
        lappend keys {*}$batch
        if {$cursor == 0} { return $keys }
        if {[incr calls] > 200000} { error "SCAN does not end" }
        uplevel 1 $script
    }
}

proc fill {prefix count} {
    set c [redis_deferring_client]
    for {set i 0} {$i < $count} {incr i} { $c set $prefix$i $i }
    for {set i 0} {$i < $count} {incr i} { $c read }
    $c close
}

start_server {} {
    test "SCAN of an empty database" {
        r flushall
        assert_equal {0 {}} [r scan 0]
    }

    test "SCAN answers every key" {
        foreach count {1 5 10 100 1000 5000} {
            r flushall
            fill key: $count
            assert_equal $count [llength [lsort -unique [scan_all {}]]] "$count keys"
        }
    }

    test "SCAN COUNT" {
        assert_equal 5000 [llength [lsort -unique [scan_all {count 1}]]]
        assert_equal 5000 [llength [lsort -unique [scan_all {count 1000}]]]
        assert_equal 5000 [llength [lsort -unique [scan_all {count 100000}]]]
        assert_error "ERR syntax error" {r scan 0 count 0}
        assert_error "ERR syntax error" {r scan 0 count -1}
        assert_error "ERR value is not an integer or out of range" {r scan 0 count abc}
        assert_error "ERR syntax error" {r scan 0 count}
        assert_error "ERR syntax error" {r scan 0 bogus}
    }

    test "SCAN has no NOVALUES" {
        assert_error "ERR NOVALUES option can only be used in HSCAN" {r scan 0 novalues}
        assert_error "ERR NOVALUES option can only be used in HSCAN" {r scan 0 count 5 novalues}
    } {redis8}

    test "SCAN with an enormous COUNT" {
        assert_equal 0 [lindex [r scan 0 count 9223372036854775807] 0]
        assert_error "ERR value is not an integer or out of range" {r scan 0 count 9223372036854775808}
    }

    test "SCAN MATCH filters after the walk" {
        assert_equal 10 [llength [lsort -unique [scan_all {match key:12?}]]]
        assert_equal 5000 [llength [lsort -unique [scan_all {match *}]]]
        assert_equal {} [scan_all {match nosuch*}]
    }

    test "SCAN TYPE" {
        assert_equal 5000 [llength [lsort -unique [scan_all {type string}]]]
        assert_equal {} [scan_all {type list}]
    }

    test "SCAN with an invalid cursor" {
        assert_error "ERR invalid cursor" {r scan abc}
        assert_error "ERR invalid cursor" {r scan 18446744073709551616}
        assert_error "ERR invalid cursor" {r scan 1x}
        r sadd s a
        r hset h a 1
        r zadd z 1 a
        foreach command {{scan} {sscan s} {hscan h} {zscan z} {sscan nosuch}} {
            foreach cursor {" 1" "1 " "\t1" + - +-1 0x1 abc -18446744073709551616} {
                assert_error "ERR invalid cursor" {r {*}$command $cursor}
            }
            foreach {cursor same} [list +0 0 00 0 -0 0 +1 1 01 1 "1\x002" 1 -1 18446744073709551615] {
                assert_equal [r {*}$command $same] [r {*}$command $cursor] $cursor
            }
        }
        r del s h z
        r scan 18446744073709551615
        assert_equal PONG [r ping]
    }

    test "SCAN answers the keys that stay while the table grows" {
        r flushall
        fill stay: 1000
        set ::round 0
        set keys [scan_all {count 10} {
            if {[incr ::round] <= 50} { fill more:$::round: 100 }
        }]
        set stay [lsearch -all -inline -glob [lsort -unique $keys] stay:*]
        assert_equal 1000 [llength $stay]
    }

    test "SCAN answers the keys that stay while the table shrinks" {
        r flushall
        fill stay: 200
        fill go: 5000
        set ::round 0
        set keys [scan_all {count 10} {
            set words del
            for {set i 0} {$i < 200} {incr i} { lappend words go:[expr {$::round * 200 + $i}] }
            r {*}$words
            incr ::round
        }]
        set stay [lsearch -all -inline -glob [lsort -unique $keys] stay:*]
        assert_equal 200 [llength $stay]
        assert_equal 200 [r dbsize]
    }

    test "SCAN answers no key that was deleted before, or has expired" {
        r flushall
        fill k: 100
        r del k:1 k:2
        r set volatile 1 px 10
        wait_until 0 5 {r exists volatile}
        set keys [scan_all {}]
        assert_equal -1 [lsearch $keys k:1]
        assert_equal -1 [lsearch $keys volatile]
    }

    test "SCAN during FLUSHALL ends" {
        r flushall
        fill k: 2000
        lassign [r scan 0] cursor
        r flushall
        set calls 0
        while {$cursor != 0 && $calls < 10000} {
            lassign [r scan $cursor] cursor
            incr calls
        }
        assert_equal 0 $cursor
    }
}
