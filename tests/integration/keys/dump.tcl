# DUMP and RESTORE. tests/compat/payloads exchanges payloads with the reference.

start_server {} {
    test "DUMP of a key that is absent" {
        assert_equal "" [r dump nosuch]
    }

    test "RESTORE gives back every type in its encoding" {
        r flushall
        r set str [string repeat x 100]
        r set int 12345
        r rpush packed a 1 [string repeat b 40]
        for {set i 0} {$i < 2000} {incr i} { r rpush long element:$i }
        r sadd ints 1 2 70000
        r sadd small a b 3
        for {set i 0} {$i < 300} {incr i} { r sadd large member:$i }
        r hset hash a 1 b two
        for {set i 0} {$i < 600} {incr i} { r hset table field:$i $i }
        r zadd zset 1.5 a -inf b
        for {set i 0} {$i < 300} {incr i} { r zadd tree $i member:$i }
        foreach key {str int packed long ints small large hash table zset tree} {
            assert_equal OK [r restore copy 0 [r dump $key] replace]
            assert_equal [r object encoding $key] [r object encoding copy]
            # The order of a table is its own: what is in it is not.
            assert_equal [string length [r dump $key]] [string length [r dump copy]] $key
        }
    }

    test "RESTORE: fields keep their times" {
        r del hash copy table
        r hset hash a 1 b 2 c 3
        r hpexpireat hash 60000000000000 fields 1 b
        r hpexpireat hash 59999999990000 fields 1 c
        r restore copy 0 [r dump hash]
        assert_equal listpackex [r object encoding copy]
        assert_equal {-1 60000000000000 59999999990000} [r hpexpiretime copy fields 3 a b c]
        for {set i 0} {$i < 600} {incr i} { r hset table f:$i $i }
        r hpexpireat table 60000000000000 fields 1 f:7
        r hpexpireat table 59999999990000 fields 1 f:8
        r restore copy 0 [r dump table] replace
        assert_equal hashtable [r object encoding copy]
        assert_equal {-1 60000000000000 59999999990000} [r hpexpiretime copy fields 3 f:6 f:7 f:8]
        assert_equal 600 [r hlen copy]
    }

    test "RESTORE: times" {
        r flushall
        r set a hello
        set payload [r dump a]
        assert_equal OK [r restore b 100000 $payload]
        assert_range [r pttl b] 90000 100000
        assert_equal OK [r restore c 99999999999999 $payload absttl]
        assert_equal 99999999999999 [r pexpiretime c]
        assert_equal OK [r restore d 1 $payload absttl]
        assert_equal 0 [r exists d]
        assert_equal OK [r restore b 1 $payload absttl replace]
        assert_equal 0 [r exists b]
        assert_error "ERR Invalid TTL value, must be >= 0" {r restore b -1 $payload}
        assert_error "ERR value is not an integer or out of range" {r restore b x $payload}
    }

    test "RESTORE: a key that is there" {
        r set a old
        set payload [r dump a]
        assert_error "BUSYKEY Target key name already exists." {r restore a 0 $payload}
        r set a new ex 100
        assert_equal OK [r restore a 0 $payload replace]
        assert_equal old [r get a]
        assert_equal -1 [r ttl a]
    }

    test "RESTORE: IDLETIME and FREQ" {
        set payload [r dump a]
        r restore a 0 $payload replace idletime 1000
        assert_range [r object idletime a] 1000 1005
        assert_error "ERR Invalid IDLETIME value, must be >= 0" {r restore a 0 $payload replace idletime -1}
        assert_error "ERR Invalid FREQ value, must be >= 0 and <= 255" {r restore a 0 $payload replace freq 256}
        assert_error "ERR syntax error" {r restore a 0 $payload replace freq 1 idletime 1}
        assert_error "ERR syntax error" {r restore a 0 $payload replace idletime}
        assert_error "ERR syntax error" {r restore a 0 $payload nonsense}
        r config set maxmemory-policy allkeys-lfu
        r restore a 0 $payload replace freq 77
        assert_equal 77 [r object freq a]
        r config set maxmemory-policy noeviction
    }

    test "RESTORE refuses what is damaged" {
        set wrong "ERR DUMP payload version or checksum are wrong"
        set payload [r dump a]
        assert_error $wrong {r restore b 0 abc}
        assert_error $wrong {r restore b 0 ""}
        for {set i 0} {$i < [string length $payload]} {incr i} {
            scan [string index $payload $i] %c code
            set damaged [string replace $payload $i $i [format %c [expr {$code ^ 1}]]]
            assert_error $wrong [list r restore b 0 $damaged]
            assert_error $wrong [list r restore b 0 [string range $payload 0 $i-1]]
        }
        assert_equal 0 [r exists b]
    }

    test "CVE-2026-25243: an overlong size in a zipmap" {
        assert_error "ERR Bad data format" [list r restore b 0 \
            [binary decode hex 090b01fe0100000061010062ff0a0063daf6842d97588d]]
        assert_equal OK [r restore b 0 [binary decode hex 0907010161010062ff0a00511a439e1b5161fc]]
        assert_equal {a b} [r hgetall b]
    }

    test "DUMP without compression" {
        r set a [string repeat x 1000]
        set short [string length [r dump a]]
        r config set rdbcompression no
        assert_range [string length [r dump a]] 1000 1020
        assert_range $short 20 100
        r config set rdbcompression yes
    }
}
