# Fields of hashes that go without being read.

start_server {} {
    proc subexpiry {} {
        regexp {subexpiry=(\d+)} [r info keyspace] -> count
        return $count
    }

    foreach {encoding size} {listpackex 10 hashtable 600} {
        test "Due fields go without a read ($encoding)" {
            r flushall
            r config resetstat
            for {set i 0} {$i < $size} {incr i} { r hset hash field:$i $i }
            assert_equal {1 1} [r hpexpire hash 1 fields 2 field:1 field:2]
            r hexpire hash 1000 fields 1 field:3
            assert_equal $encoding [r object encoding hash]
            assert_equal 1 [subexpiry]
            wait_until [expr {$size - 2}] 5 {r hlen hash}
            assert_equal 1 [subexpiry]
            assert_equal 2 [info_field [r info stats] expired_subkeys]
            r hpersist hash fields 1 field:3
            assert_equal 0 [subexpiry]
        }

        test "The key goes with its last field ($encoding)" {
            r flushall
            for {set i 0} {$i < $size} {incr i} { lappend names field:$i; r hset hash field:$i $i }
            r hpexpire hash 1 fields $size {*}$names
            wait_until 0 5 {r dbsize}
            unset names
        }
    }

    test "The index follows hashes that move" {
        r flushall
        r hset a f v g w
        r hexpire a 1000 fields 1 f
        r copy a b
        assert_equal 2 [subexpiry]
        r rename a c
        r hdel c f
        assert_equal 1 [subexpiry]
        r hexpire b 500 fields 1 g
        r hset b g new
        r hset b f new
        assert_equal 0 [subexpiry]
        r hexpire b 500 fields 1 g
        r restore d 0 [r dump b]
        assert_equal 2 [subexpiry]
        r set d string
        assert_equal 1 [subexpiry]
        r swapdb 0 1
        r select 1
        r hpexpire b 1 fields 2 f g
        wait_until 0 5 {r exists b}
        r select 0
        r flushall
    }

    test "Active expiry switched off" {
        r debug set-active-expire 0
        r hset hash f v g w
        r hpexpire hash 1 fields 1 f
        wait_until {} 5 {r hget hash f}
        assert_equal 2 [r hlen hash]
        r debug set-active-expire 1
        wait_until 1 5 {r hlen hash}
    } {command:debug}
}
