# Numbers of any width inside of strings.

start_server {} {
    set bad_type "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is."
    set no_offset "ERR bit offset is not an integer or out of range"

    test "GET, SET and INCRBY" {
        r del f
        assert_equal {0 100 101} [r bitfield f set i8 0 100 incrby i8 0 0 incrby u8 0 1]
        assert_equal {101 50} [r bitfield f get u8 0 get u7 0]
        assert_equal {0} [r bitfield f set u63 #3 9223372036854775807]
        assert_equal {9223372036854775807} [r bitfield f get u63 189]
        r del f
        assert_equal {0 -1} [r bitfield f set i64 5 -1 get i64 5]
        assert_equal {-1} [r bitfield f get i1 5]
        assert_equal {} [r bitfield f]
        assert_equal {0 0} [r bitfield absent get u8 0 get i64 100]
        assert_equal 0 [r exists absent]
    }

    test "Widths from 1 to 64 at odd places" {
        for {set width 1} {$width <= 64} {incr width} {
            r del f
            set at [expr {$width * 3 + 1}]
            set top [expr {(1 << ($width - 1)) - 1}]
            assert_equal [list 0 $top [expr {-$top - 1}]] \
                [r bitfield f set i$width $at $top get i$width $at incrby i$width $at 1]
            if {$width == 64} { continue }
            set top [expr {(1 << $width) - 1}]
            assert_equal [list $top 0] \
                [lrange [r bitfield f set u$width $at $top get u$width $at incrby u$width $at 1] 1 2]
            assert_equal 0 [r bitcount f]
        }
    }

    test "OVERFLOW WRAP, SAT and FAIL" {
        r del f
        assert_equal {0 44} [r bitfield f set u8 0 255 incrby u8 0 45]
        assert_equal {44 255} [r bitfield f set u8 0 44 overflow sat incrby u8 0 1000]
        assert_equal {{}} [r bitfield f overflow fail incrby u8 0 1]
        assert_equal {255} [r bitfield f get u8 0]
        assert_equal {255 0} [r bitfield f overflow SAT set u8 0 -1 incrby u8 0 -1000]
        assert_equal {0 127 -128} [r bitfield f set i8 0 100 overflow sat incrby i8 0 100 incrby i8 0 -1000]
        assert_equal {{} -128} [r bitfield f overflow fail set i8 0 128 overflow wrap set i8 0 127]
        assert_equal {-128} [r bitfield f incrby i8 0 1]
        assert_equal {0 -9223372036854775808} \
            [r bitfield f set i64 8 9223372036854775807 incrby i64 8 1]
        assert_equal {{}} [r bitfield f overflow fail incrby i64 8 -9223372036854775808]
    }

    test "A failed step is a null in RESP3" {
        set c [redis_client]
        $c hello 3
        $c del f
        $c send bitfield f overflow fail set u8 0 256
        assert_equal "*1\r\n_\r\n" [$c raw]
        $c close
    }

    # CVE-2021-32761: offsets and widths that overflow 32 and 64 bits.
    test "CVE-2021-32761 and redis#15433: BITFIELD offsets at the end of the range" {
        r del f
        foreach offset {-1 #-1 a # #a {} 4294967296 #4294967296 9223372036854775807
            #9223372036854775807 #576460752303423488 #144115188075855873 9223372036854775808} {
            assert_error $no_offset {r bitfield f get u8 $offset}
            assert_error $no_offset {r bitfield f set u8 $offset 1}
            assert_error $no_offset {r bitfield_ro f get i64 $offset}
        }
        assert_equal 0 [r exists f]
        assert_equal {0} [r bitfield f get i64 4294967295]
        r config set proto-max-bulk-len 1mb
        assert_error $no_offset {r bitfield f set u8 8388608 1}
        assert_equal {0 -1} [r bitfield f set i64 8388607 -1 get i64 8388607]
        assert_equal 1048584 [r strlen f]
        r config set proto-max-bulk-len 512mb
    } {sluice}

    test "Errors" {
        r set f x
        foreach type {u64 i65 u0 i0 8 u i {} x8 u-1 u8x i99999999999999999999} {
            assert_error $bad_type {r bitfield f get $type 0}
        }
        assert_error "ERR syntax error" {r bitfield f get u8}
        assert_error "ERR syntax error" {r bitfield f set u8 0}
        assert_error "ERR syntax error" {r bitfield f peek u8 0}
        assert_error "ERR syntax error" {r bitfield f overflow}
        assert_error "ERR Invalid OVERFLOW type specified" {r bitfield f overflow never}
        assert_error "ERR value is not an integer or out of range" {r bitfield f set u8 0 a}
        assert_error "ERR value is not an integer or out of range" {
            r bitfield f set u8 0 9223372036854775808
        }
        assert_equal x [r get f]
        r sadd s a
        assert_error "WRONGTYPE *" {r bitfield s get u8 0}
        assert_error "WRONGTYPE *" {r bitfield s set u8 0 1}
        assert_error "WRONGTYPE *" {r bitfield s}
    }

    test "BITFIELD_RO" {
        r set f AB
        assert_equal {65 66} [r bitfield_ro f get u8 0 get u8 #1]
        assert_equal {} [r bitfield_ro f]
        assert_equal {66} [r bitfield_ro f overflow sat get u8 8]
        assert_error "ERR BITFIELD_RO only supports the GET subcommand" {r bitfield_ro f set u8 0 1}
        assert_error "ERR BITFIELD_RO only supports the GET subcommand" {
            r bitfield_ro f get u8 0 incrby u8 0 1
        }
    }

    test "BITFIELD that only gets needs to read alone" {
        assert_match {{f {RO access}}*} [r command getkeysandflags bitfield f get u8 0]
        assert_match {{f {RW access update}}*} [r command getkeysandflags bitfield f set u8 0 1]
    } {command:bitfield}

    test "Counters against a model" {
        r del f
        expr {srand(3)}
        for {set i 0} {$i < 300} {incr i} {
            set slot [expr {int(rand() * 20)}]
            set by [expr {int(rand() * 4000) - 2000}]
            set now [expr {[info exists model($slot)] ? $model($slot) : 0}]
            set model($slot) [expr {($now + $by) & 1023}]
            assert_equal $model($slot) [r bitfield f incrby u10 #$slot $by]
        }
        foreach slot [array names model] { assert_equal $model($slot) [r bitfield_ro f get u10 #$slot] }
    }
}
