# RESTORE of payloads that were made to harm: the checksum is right, what it covers is not. Tests are
# named after the advisories. tests/fuzz/fuzz_restore.c looks for more of the kind.

# The checksum behind a payload: CRC-64 with the polynomial of Jones, reflected.
proc crc64 {bytes} {
    variable crc_table
    if {![info exists crc_table]} {
        for {set i 0} {$i < 256} {incr i} {
            set crc $i
            for {set bit 0} {$bit < 8} {incr bit} {
                set crc [expr {$crc & 1 ? ($crc >> 1) ^ 0x95ac9329ac4bc9b5 : $crc >> 1}]
            }
            lappend crc_table $crc
        }
    }
    set crc 0
    binary scan $bytes cu* codes
    foreach code $codes { set crc [expr {[lindex $crc_table [expr {($crc ^ $code) & 255}]] ^ ($crc >> 8)}] }
    return $crc
}

# payload HEX: the value's bytes with version 10 and checksum.
proc payload {hex} {
    set bytes [binary decode hex [string map {" " ""} $hex]]0a
    set bytes [string range $bytes 0 end-2][binary format s 10]
    return $bytes[binary format wu [crc64 $bytes]]
}

# listpack HEX COUNT: a listpack around those entries, as a string of a payload, in hex.
proc listpack {entries count} {
    set entries [string map {" " ""} $entries]
    set size [expr {[string length $entries] / 2 + 7}]
    return [binary encode hex [binary format cu [expr {$size}]]][binary encode hex [binary format is $size $count]]${entries}ff
}

proc refused {hex} {
    r del bad
    catch {r restore bad 0 [payload $hex]} message
    if {$message ne "ERR Bad data format"} { fail "$hex: $message" }
    assert_equal 0 [r exists bad]
}

start_server {} {
    test "A payload of this file's making is taken" {
        assert_equal OK [r restore s 0 [payload "00 03 616263"]]
        assert_equal abc [r get s]
        assert_equal OK [r restore h 0 [payload "10 [listpack {81 61 02 81 62 02} 2]"]]
        assert_equal {a b} [r hgetall h]
        assert_equal OK [r restore z 0 [payload "11 [listpack {81 61 02 01 01} 2]"]]
        assert_equal {a 1} [r zrange z 0 -1 withscores]
        r flushall
    }

    test "CVE-2026-54341: payloads of every length below 32 bytes" {
        for {set type 0} {$type < 26} {incr type} {
            for {set size 0} {$size < 32} {incr size} {
                foreach fill {00 01 7f 80 c3 ff} {
                    set hex [format %02x $type][string repeat $fill $size]
                    catch {r restore bad 0 [payload $hex] replace}
                }
            }
        }
        for {set size 0} {$size < 32} {incr size} {
            catch {r restore bad 0 [string repeat \xff $size] replace}
        }
        assert_equal PONG [r ping]
        r flushall
    }

    test "valkey#3922: counts of fields that are negative, too large or of nothing" {
        foreach type {01 02 03 04 05 0e 12 15 16 17 18 19} {
            foreach count {81ffffffffffffffff 817fffffffffffffff 808fffffff 80ffffffff 818000000000000000 7fff bf} {
                refused "$type $count 01 61 01 62"
            }
        }
        foreach type {02 04 03 05 0e 12 01} { refused "$type 00" }
    }

    test "valkey#3921: scores that are not a number" {
        refused "03 01 01 61 fd"
        refused "05 01 01 61 000000000000f87f"
        refused "05 01 01 61 010000000000f07f"
        refused "05 01 01 61 000000000000f8ff"
        refused "11 [listpack {81 61 02 83 6e616e 04} 2]"
        refused "11 [listpack {81 61 02 84 2d6e616e 05} 2]"
        assert_equal OK [r restore z 0 [payload "05 01 01 61 000000000000f0ff"]]
        assert_equal -inf [r zscore z a]
    }

    test "redis#15151: back lengths of a listpack that are off by one" {
        foreach back {00 01 03 04 82 ff} {
            refused "10 [listpack "81 61 $back 81 62 02" 2]"
            refused "10 [listpack "81 61 02 81 62 $back" 2]"
            refused "14 [listpack "81 61 $back" 1]"
            if {$back ne "01"} { refused "11 [listpack "81 61 02 01 $back" 2]" }
        }
    }

    test "valkey#3721: packed values are looked at whatever sanitize-dump-payload says" {
        foreach say {no clients yes} {
            catch {r config set sanitize-dump-payload $say}
            # A length beyond the end, a wrong total, a wrong count, no end, a member that is there twice.
            refused "10 [listpack {bf 61 02 81 62 02} 2]"
            refused "10 0d 0e000000 0200 816102816202 ff"
            refused "10 0d ffffffff 0200 816102816202 ff"
            refused "10 [listpack {81 61 02 81 62 02} 3]"
            refused "10 0d 0d000000 0200 816102816202 81"
            refused "10 [listpack {81 61 02 81 62 02 81 61 02 81 63 02} 4]"
            refused "14 [listpack {81 61 02 81 61 02} 2]"
            refused "11 [listpack {81 61 02 01 01 81 61 02 02 01} 4]"
            refused "10 [listpack {81 61 02} 1]"
            refused "10 [listpack {} 0]"
            refused "10 [listpack {f0 ffffffff 61 02} 2]"
            # Intsets: a width that is none, a size that does not fit, not in order, nothing in it.
            refused "0b 0a 03000000 01000000 0100"
            refused "0b 0a 02000000 ffffffff 0100"
            refused "0b 0a 02000000 ffffff7f 0100"
            refused "0b 0c 02000000 02000000 0200 0100"
            refused "0b 0c 02000000 02000000 0100 0100"
            refused "0b 08 02000000 00000000"
            refused "0b 04 02000000"
            # Ziplists: a tail beyond the end, a previous length that lies, a count that is too large.
            refused "0a 0e 0e000000 ff000000 0100 0001 61 ff"
            refused "0d 12 12000000 0d000000 0200 000161 090162 ff 0000"
            # LZF: reaches before its start, longer than said, shorter than said.
            refused "00 c3 03 05 20 ff ff"
            refused "00 c3 02 05 00 61"
            refused "00 c3 02 7fff 00 61"
            refused "00 c3 81ffffffffffffffff 0a 00 61"
            # Quicklists: a container that is none, a node that is empty.
            refused "12 01 03 03 616263"
            refused "12 01 02 07 07000000 0000 ff"
        }
        assert_equal PONG [r ping]
    } {redis8}

    test "CVE-2021-32628, CVE-2026-25243: ziplists and zipmaps whose lengths overflow" {
        refused "0d 0f 0f000000 0a000000 0200 00 80ffffffff ff"
        refused "0d 13 13000000 0a000000 0200 00 80 ffffffff 61 00 01 62 ff"
        refused "0d 13 13000000 0a000000 0200 fe ffffffff 01 61 0001 62 ff"
        refused "09 0a 01 fe ffffffff 61 01 00 62 ff"
        refused "09 08 02 01 61 01 ff 62 ff ff"
        refused "09 07 01 01 61 fd 00 62 ff"
    }

    test "What was refused leaves nothing behind" {
        r flushall
        set used [s used_memory]
        for {set i 0} {$i < 300} {incr i} {
            refused "04 03 01 61 01 62 01 63 01 64 01 61 01 65"
            refused "12 02 02 0a 0a000000 0100 816102 ff 02 07 07000000 0100 ff"
        }
        assert_range [expr {[s used_memory] - $used}] -2000000 500000
    }

    test "Payloads of every type, a byte changed and the checksum mended" {
        r config set list-max-listpack-size 4
        r rpush list a b c d e f g h
        r rpush list [string repeat xy 100]
        r sadd ints 1 2 70000 5000000000
        r sadd set a b 3
        r hset hash a 1 b two
        r zadd zset 1.5 a 2 b
        for {set i 0} {$i < 140} {incr i} {
            r hset table f$i $i
            r zadd tree $i m$i
            r sadd large m$i
        }
        if {[server_level] >= 8} {
            r hset fields a 1 b 2
            r hexpire fields 1000 fields 1 a
        }
        expr {srand(20260202)}
        set taken 0
        foreach key [lsort [r keys *]] {
            set sound [string range [r dump $key] 0 end-10]
            for {set i 0} {$i < 150} {incr i} {
                set at [expr {int(rand() * min(40, [string length $sound]))}]
                set to [lindex {00 01 7f 80 ff fe} [expr {int(rand() * 8)}]]
                if {$to eq ""} { set to [format %02x [expr {int(rand() * 256)}]] }
                set bytes [string replace $sound $at $at [binary decode hex $to]]
                if {[catch {r restore bad 0 [payload [binary encode hex $bytes]] replace}]} { continue }
                # Taken: then every way to read and change it must do.
                incr taken
                foreach command {{type bad} {dump bad} {object encoding bad} {lrange bad 0 -1} {smembers bad} {hgetall bad}
                    {zrange bad 0 -1 withscores} {rpush bad x} {sadd bad x} {hset bad x y} {zadd bad 5 x} {lpop bad}
                    {spop bad} {hdel bad a} {zpopmin bad} {zrangebylex bad - +} {hrandfield bad 3} {copy bad t replace}} {
                    catch {r {*}$command}
                }
            }
        }
        assert {$taken > 10}
        assert_equal PONG [r ping]
    }
}
