# Hashes, as listpacks and as tables, and their fields that expire.

proc hscan_all {key arguments} {
    set cursor 0
    set found {}
    set calls 0
    while 1 {
        lassign [r hscan $key $cursor {*}$arguments] cursor batch
        lappend found {*}$batch
        if {$cursor == 0} { return $found }
        if {[incr calls] > 100000} { error "HSCAN does not end" }
    }
}

proc basics {encoding entries} {
    r config set hash-max-listpack-entries $entries

    test "HSET, HGET and their relatives, $encoding" {
        r del h
        assert_equal 2 [r hset h a 1 b 2]
        assert_equal $encoding [r object encoding h]
        assert_equal 1 [r hset h a 3 c 4]
        assert_equal {3 {} 4} [r hmget h a nosuch c]
        assert_equal OK [r hmset h d 5]
        assert_equal 0 [r hsetnx h d 6]
        assert_equal {a b c d} [lsort [r hkeys h]]
        assert_equal {2 3 4 5} [lsort [r hvals h]]
        assert_equal 2 [r hdel h a b nosuch]
        assert_equal {c 4 d 5} [lsort -stride 2 [r hgetall h]]
        assert_equal {1 0} [list [r hexists h c] [r hexists h a]]
        assert_equal 2 [r hdel h c d]
        assert_equal 0 [r exists h]
    }

    test "HINCRBY and HINCRBYFLOAT, $encoding" {
        r del h
        assert_equal 3 [r hincrby h n 3]
        assert_equal 3.5 [r hincrbyfloat h n 0.5]
        assert_error "ERR hash value is not an integer" {r hincrby h n 1}
        r hset h n 9223372036854775807
        assert_error "ERR increment or decrement would overflow" {r hincrby h n 1}
        assert_error "ERR value is NaN or Infinity" {r hincrbyfloat h n inf}
    }

    test "HRANDFIELD and HSCAN, $encoding" {
        r del h
        set fields {}
        for {set i 0} {$i < 60} {incr i} {
            r hset h f$i $i
            lappend fields f$i
        }
        set fields [lsort $fields]
        assert_equal $fields [lsort [r hrandfield h 100]]
        assert_equal 10 [llength [lsort -unique [r hrandfield h 10]]]
        assert_equal 40 [llength [lsort -unique [r hrandfield h 40]]]
        assert_equal 200 [llength [r hrandfield h -100 withvalues]]
        assert_equal $fields [lsort [dict keys [hscan_all h {count 7}]]]
        assert_equal $fields [lsort [hscan_all h {novalues}]]
        assert_equal {f7 7} [hscan_all h {match f7}]
    }

    test "Random operations against a model, $encoding" {
        r del h
        set model {}
        for {set i 0} {$i < 2000} {incr i} {
            set field f[expr {int(rand() * 80)}]
            if {rand() < 0.35} {
                assert_equal [dict exists $model $field] [r hdel h $field]
                dict unset model $field
            } else {
                set value [string repeat v [expr {int(rand() * 20)}]]
                assert_equal [expr {![dict exists $model $field]}] [r hset h $field $value]
                dict set model $field $value
            }
            if {$i % 50 == 0} {
                assert_equal [lsort -stride 2 $model] [lsort -stride 2 [r hgetall h]]
                assert_equal [dict size $model] [r hlen h]
            }
        }
    }

    test "HEXPIRE, HTTL and HPERSIST, $encoding" {
        r del h
        r hset h a 1 b 2 c 3
        assert_equal {1 -2} [r hexpire h 100 fields 2 a nosuch]
        assert_equal {100 -1 -2} [r httl h fields 3 a b nosuch]
        assert_range [r hpttl h fields 1 a] 99000 100000
        assert_equal 0 [r hexpire h 50 nx fields 1 a]
        assert_equal 0 [r hexpire h 50 gt fields 1 a]
        assert_equal 1 [r hexpire h 50 lt fields 1 a]
        set when [expr {[clock seconds] + 1000}]
        assert_equal 1 [r hexpireat h $when fields 1 b]
        assert_equal $when [r hexpiretime h fields 1 b]
        assert_equal [expr {$when * 1000}] [r hpexpiretime h fields 1 b]
        assert_equal {1 -1} [r hpersist h fields 2 a c]
        assert_equal {2 2 2} [r hexpire h 0 fields 3 a b c]
        assert_equal 0 [r exists h]
    }

    test "Fields go when their time has come, $encoding" {
        r del h
        r hset h a 1 b 2
        r hpexpire h 1 fields 1 a
        wait_until {} 10 {r hget h a}
        assert_equal {b 2} [r hgetall h]
        assert_equal -2 [r httl h fields 1 a]
        wait_until 1 10 {r hlen h}
        r hpexpire h 1 fields 1 b
        wait_until {{} 0} 10 {list [r hgetall h] [r exists h]}
    }

    test "HGETEX, HSETEX and HGETDEL, $encoding" {
        r del h
        assert_equal 1 [r hsetex h ex 100 fields 2 a 1 b 2]
        assert_equal {100 100} [r httl h fields 2 a b]
        assert_equal 0 [r hsetex h fnx fields 2 b 5 c 5]
        assert_equal {1 {}} [r hgetex h persist fields 2 a nosuch]
        assert_equal {-1 100} [r httl h fields 2 a b]
        assert_equal {2} [r hgetex h px 5000 fields 1 b]
        assert_range [r hpttl h fields 1 b] 1 5000
        assert_equal {1 2} [r hgetdel h fields 2 a b]
        assert_equal 0 [r exists h]
    }
    r config set hash-max-listpack-entries 512
}

start_server {} {
    basics listpack 512
    basics hashtable 0

    test "A listpack becomes a table at the thresholds" {
        r del h
        for {set i 0} {$i < 512} {incr i} { r hset h f$i v }
        assert_equal listpack [r object encoding h]
        r hexpire h 100 fields 1 f0
        assert_equal listpackex [r object encoding h]
        r hset h f512 v
        assert_equal hashtable [r object encoding h]
        assert_equal 100 [r httl h fields 1 f0]
        r del h
        r hset h f [string repeat x 65]
        assert_equal hashtable [r object encoding h]
    }

    test "COPY and RENAME keep fields and their times" {
        r flushall
        for {set i 0} {$i < 1000} {incr i} { r hset h f$i $i }
        r hexpire h 100 fields 2 f1 f2
        r copy h other
        r hset h f1 changed
        assert_equal {100 100 -1} [r httl other fields 3 f1 f2 f3]
        assert_equal 1 [r hget other f1]
        r rename other third
        assert_equal hash [r type third]
        assert_equal 1000 [r hlen third]
    }

    test "HGETALL is a map in RESP3" {
        r del h
        r hset h a 1
        set c [redis_client]
        $c hello 3
        assert_equal {a 1} [$c hgetall h]
        assert_equal {{a 1}} [$c hrandfield h 1 withvalues]
        $c close
    }
}
