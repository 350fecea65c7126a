# Strings as arrays of bits.

proc bits {text} {
    binary scan $text B* result
    return $result
}

proc from_bits {bits} { return [binary format B* $bits] }

start_server {} {
    set no_offset "ERR bit offset is not an integer or out of range"
    set wrong_type "WRONGTYPE Operation against a key holding the wrong kind of value"

    test "SETBIT and GETBIT" {
        r del b
        assert_equal 0 [r setbit b 1 1]
        assert_equal @ [r get b]
        assert_equal raw [r object encoding b]
        assert_equal 1 [r setbit b 1 0]
        assert_equal 0 [r setbit b 22 1]
        assert_equal 000000000000000000000010 [bits [r get b]]
        assert_equal {0 1 0 0} [list [r getbit b 21] [r getbit b 22] [r getbit b 23] [r getbit b 4000]]
        assert_equal 0 [r getbit absent 3]
        r set number 1234
        assert_equal 1 [r getbit number 2]
        assert_equal 0 [r setbit number 1 1]
        assert_equal q234 [r get number]
    }

    test "SETBIT keeps the expiry and tells of changes alone" {
        r set b x ex 1000
        r setbit b 100 1
        assert_range [r ttl b] 900 1000
        r watch b
        r setbit b 100 1
        r multi
        r ping
        assert_equal PONG [r exec]
        r watch b
        r setbit b 100 0
        r multi
        r ping
        assert_equal {} [r exec]
    } {command:watch}

    test "SETBIT and GETBIT: errors" {
        r del b
        foreach offset {-1 a {} 1.5 4294967296 9223372036854775807 99999999999999999999} {
            assert_error $no_offset {r setbit b $offset 1}
            assert_error $no_offset {r getbit b $offset}
        }
        foreach bit {2 -1 a {} 10} {
            assert_error "ERR bit is not an integer or out of range" {r setbit b 0 $bit}
        }
        r config set proto-max-bulk-len 1mb
        assert_error $no_offset {r setbit b 8388608 1}
        assert_equal 0 [r setbit b 8388607 1]
        assert_equal 1048576 [r strlen b]
        r config set proto-max-bulk-len 512mb
        r sadd set a
        assert_error $wrong_type {r setbit set 0 1}
        assert_error $wrong_type {r getbit set 0}
    }

    test "BITCOUNT" {
        r set b foobar
        assert_equal 26 [r bitcount b]
        assert_equal 4 [r bitcount b 0 0]
        assert_equal 6 [r bitcount b 1 1 BYTE]
        assert_equal 26 [r bitcount b 0 -1]
        assert_equal 17 [r bitcount b 5 30 bit]
        assert_equal 7 [r bitcount b -2 -1]
        assert_equal 0 [r bitcount b -1 -2]
        assert_equal 0 [r bitcount b 10 20]
        assert_equal 4 [r bitcount b -100 0]
        assert_equal 26 [r bitcount b -9223372036854775808 9223372036854775807]
        assert_equal 0 [r bitcount absent]
        assert_equal 0 [r bitcount absent 0 -1]
        r set b 12
        assert_equal 6 [r bitcount b]
        r set b ""
        assert_equal 0 [r bitcount b 0 -1 bit]
    }

    test "BITCOUNT: errors" {
        r set b foobar
        assert_error "ERR syntax error" {r bitcount b 1}
        assert_error "ERR syntax error" {r bitcount b 0 1 hello}
        assert_error "ERR syntax error" {r bitcount b 0 1 bit byte}
        assert_error "ERR value is not an integer or out of range" {r bitcount b a 1}
        assert_error "ERR value is not an integer or out of range" {r bitcount b 1 9223372036854775808}
        r sadd set a
        assert_error $wrong_type {r bitcount set}
        assert_error $wrong_type {r bitcount set 0 1}
    }

    test "BITCOUNT and BITPOS read their arguments before the key" {
        r del absent
        assert_error "ERR syntax error" {r bitcount absent 0 1 hello}
        assert_error "ERR value is not an integer or out of range" {r bitpos absent 1 a}
    } {redis8}

    test "BITPOS" {
        r set b \xff\xf0\x00
        assert_equal 12 [r bitpos b 0]
        assert_equal 0 [r bitpos b 1]
        assert_equal 8 [r bitpos b 1 1]
        assert_equal -1 [r bitpos b 1 2]
        assert_equal 16 [r bitpos b 0 2]
        assert_equal -1 [r bitpos b 0 0 0]
        assert_equal 12 [r bitpos b 0 7 15 BIT]
        assert_equal 7 [r bitpos b 1 7 15 BIT]
        assert_equal 15 [r bitpos b 0 -9 -1 bit]
        assert_equal -1 [r bitpos b 1 5 1]
        r set b \xff\xff
        assert_equal 16 [r bitpos b 0]
        assert_equal 16 [r bitpos b 0 1]
        assert_equal -1 [r bitpos b 0 0 -1]
        assert_equal -1 [r bitpos b 0 0 -1 bit]
        assert_equal -1 [r bitpos b 0 5]
        r set b ""
        assert_equal -1 [r bitpos b 0]
        assert_equal 0 [r bitpos absent 0]
        assert_equal -1 [r bitpos absent 1]
        assert_equal 0 [r bitpos absent 0 5 6]
    }

    test "BITPOS: errors" {
        r set b foobar
        assert_error "ERR The bit argument must be 1 or 0." {r bitpos b 2}
        assert_error "ERR value is not an integer or out of range" {r bitpos b a}
        assert_error "ERR value is not an integer or out of range" {r bitpos b 1 a}
        assert_error "ERR syntax error" {r bitpos b 1 0 1 nibble}
        assert_error "ERR syntax error" {r bitpos b 1 0 1 bit bit}
        r sadd set a
        assert_error $wrong_type {r bitpos set 1}
    }

    test "BITCOUNT and BITPOS against a model" {
        expr {srand(7)}
        for {set i 0} {$i < 200} {incr i} {
            set text ""
            set size [expr {int(rand() * 200)}]
            for {set j 0} {$j < $size} {incr j} { append text [expr {rand() < 0.5 ? 0 : 1}] }
            set text [string repeat [string index $text 0] [expr {$i % 3 * 130}]]$text
            append text [string repeat 0 [expr {-[string length $text] & 7}]]
            if {$text eq ""} { continue }
            r set b [from_bits $text]
            set total [string length $text]
            set start [expr {int(rand() * $total)}]
            set end [expr {$start + int(rand() * ($total - $start))}]
            set part [string range $text $start $end]
            assert_equal [regexp -all 1 $part] [r bitcount b $start $end bit]
            foreach bit {0 1} {
                set at [string first $bit $part]
                assert_equal [expr {$at < 0 ? -1 : $at + $start}] [r bitpos b $bit $start $end bit]
            }
        }
    }

    test "BITOP AND, OR, XOR and NOT" {
        r set x [from_bits 1100101011110000]
        r set y [from_bits 10101010]
        assert_equal 2 [r bitop and d x y]
        assert_equal 1000101000000000 [bits [r get d]]
        assert_equal 2 [r bitop OR d x y]
        assert_equal 1110101011110000 [bits [r get d]]
        assert_equal 2 [r bitop xor d x y absent]
        assert_equal 0110000011110000 [bits [r get d]]
        assert_equal 2 [r bitop not x x]
        assert_equal 0011010100001111 [bits [r get x]]
        assert_equal 1 [r bitop or d y]
        assert_equal 10101010 [bits [r get d]]
        r set number 12
        assert_equal 2 [r bitop xor d number]
        assert_equal 12 [r get d]
        assert_equal raw [r object encoding d]
    }

    test "BITOP DIFF, DIFF1, ANDOR and ONE" {
        r set x [from_bits 11110000]
        r set y [from_bits 11001100]
        r set z [from_bits 1010101011111111]
        assert_equal 2 [r bitop diff d x y z]
        assert_equal 0001000000000000 [bits [r get d]]
        assert_equal 2 [r bitop diff1 d x y z]
        assert_equal 0000111011111111 [bits [r get d]]
        assert_equal 2 [r bitop andor d x y z]
        assert_equal 1110000000000000 [bits [r get d]]
        assert_equal 2 [r bitop one d x y z]
        assert_equal 0001011011111111 [bits [r get d]]
        assert_equal 1 [r bitop one d x]
        assert_equal 11110000 [bits [r get d]]
        foreach operation {DIFF DIFF1 ANDOR} {
            assert_error "ERR BITOP $operation must be called with at least two source keys." {
                r bitop [string tolower $operation] d x
            }
        }
    } {redis8}

    test "BITOP: an empty result removes the destination" {
        r set d x ex 100
        assert_equal 0 [r bitop and d absent gone]
        assert_equal 0 [r exists d]
        r set d x ex 100
        r set y y
        assert_equal 1 [r bitop or d y]
        assert_equal -1 [r ttl d]
        r sadd set a
        assert_equal 1 [r bitop or set y]
        assert_equal string [r type set]
    }

    test "BITOP: errors" {
        r set x x
        r del set
        r sadd set a
        assert_error "ERR syntax error" {r bitop nand d x}
        assert_error "ERR BITOP NOT must be called with a single source key." {r bitop not d x x}
        assert_error $wrong_type {r bitop or d x set}
        assert_error "ERR wrong number of arguments for 'bitop' command" {r bitop and d}
    }

    test "BITOP of long strings and many sources" {
        set expected [string repeat 0 80000]
        set names {}
        for {set i 0} {$i < 20} {incr i} {
            r setbit long$i [expr {$i * 4000}] 1
            lappend names long$i
        }
        assert_equal 9501 [r bitop or d {*}$names]
        assert_equal 20 [r bitcount d]
        for {set i 0} {$i < 20} {incr i} { assert_equal 1 [r getbit d [expr {$i * 4000}]] }
    }
}
