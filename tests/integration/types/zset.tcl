# Sorted sets, as listpacks and as trees.

# The members with their scores, in order, of a dict of member to score.
proc ranked {scores} {
    set items {}
    dict for {member score} $scores { lappend items [list $score $member] }
    set items [lsort -command by_score_and_member $items]
    set result {}
    foreach item $items { lappend result [lindex $item 1] }
    return $result
}

proc by_score_and_member {a b} {
    lassign $a a_score a_member
    lassign $b b_score b_member
    if {$a_score != $b_score} { return [expr {$a_score < $b_score ? -1 : 1}] }
    return [string compare $a_member $b_member]
}

proc zscan_all {key arguments} {
    set cursor 0
    set found {}
    set calls 0
    while 1 {
        lassign [r zscan $key $cursor {*}$arguments] cursor batch
        lappend found {*}$batch
        if {$cursor == 0} { return $found }
        if {[incr calls] > 100000} { error "ZSCAN does not end" }
    }
}

proc basics {encoding entries} {
    r config set zset-max-listpack-entries $entries

    test "ZADD and ZRANGE, $encoding" {
        r del z
        assert_equal 3 [r zadd z 10 x 20 y 30 z]
        assert_equal $encoding [r object encoding z]
        assert_equal {x y z} [r zrange z 0 -1]
        assert_equal 0 [r zadd z 1 y]
        assert_equal {y 1 x 10 z 30} [r zrange z 0 -1 withscores]
        assert_equal {z x y} [r zrange z 0 -1 rev]
        assert_equal {x z} [r zrange z (1 30 byscore]
        assert_equal {x} [r zrange z 30 -inf byscore rev limit 1 1]
        assert_equal 0 [r zrank z y]
        assert_equal {2 1} [r zrevrank z y withscore]
        assert_error "ERR syntax error" {r zrank z y score}
        assert_error "ERR wrong number of arguments for 'zrank' command" {r zrank z y withscore more}
        assert_error "ERR wrong number of arguments for 'zrevrank' command" {r zrevrank z y a b}
    }

    test "ZADD options, $encoding" {
        r del z
        r zadd z 10 x 20 y
        assert_equal 0 [r zadd z xx 5 new]
        assert_equal 1 [r zadd z nx 5 new 50 x]
        assert_equal 1 [r zadd z gt ch 15 x 15 y]
        assert_equal 1 [r zadd z lt ch 14 x 25 y]
        assert_equal 17 [r zadd z incr 3 x]
        assert_equal {} [r zadd z xx incr 3 nosuch]
        assert_error "ERR resulting score is not a number (NaN)" {
            r zadd z inf i
            r zincrby z -inf i
        }
        foreach option {nx xx gt lt ch incr} {
            assert_error "ERR syntax error" {r zincrby z $option x}
        }
    }

    test "ZPOPMIN, ZPOPMAX and ZMPOP, $encoding" {
        r del z
        r zadd z 1 a 2 b 3 c 4 d 5 e
        assert_equal {a 1} [r zpopmin z]
        assert_equal {e 5 d 4} [r zpopmax z 2]
        assert_equal {z {{b 2}}} [r zmpop 2 none z min]
        assert_equal {z {{c 3}}} [r zmpop 1 z max count 10]
        assert_equal 0 [r exists z]
        assert_equal {} [r zmpop 1 z max]
    }

    test "ZRANGEBYLEX and its relatives, $encoding" {
        r del z
        r zadd z 0 alpha 0 bar 0 cool 0 down 0 elephant 0 foo
        assert_equal {alpha bar cool} [r zrangebylex z - \[cool]
        assert_equal {down cool} [r zrevrangebylex z \[down (bar]
        assert_equal {bar} [r zrange z \[bar + bylex limit 0 1]
        assert_equal 3 [r zlexcount z (bar \[elephant]
        assert_equal 2 [r zremrangebylex z - (cool]
        assert_equal {cool down elephant foo} [r zrange z 0 -1]
    }

    test "ZUNION, ZINTER and ZDIFF, $encoding" {
        r del a b out
        r zadd a 1 x 2 y 3 z
        r zadd b 10 y 20 z 30 w
        assert_equal {x 1 y 12 z 23 w 30} [r zunion 2 a b withscores]
        assert_equal {y 32 z 63} [r zinter 2 a b weights 1 3 withscores]
        assert_equal {x 1} [r zdiff 2 a b withscores]
        assert_equal 2 [r zintercard 2 a b]
        assert_equal 4 [r zunionstore out 2 a b aggregate max]
        assert_equal {x 1 y 10 z 20 w 30} [r zrange out 0 -1 withscores]
        assert_equal 0 [r zinterstore out 2 a none]
        assert_equal 0 [r exists out]
        assert_equal 2 [r zrangestore out a 1 2]
        assert_equal {y z} [r zrange out 0 -1]
    }

    test "ZRANDMEMBER and ZSCAN, $encoding" {
        r del z
        set members {}
        for {set i 0} {$i < 60} {incr i} {
            r zadd z $i m$i
            lappend members m$i
        }
        set members [lsort $members]
        assert_equal $members [lsort [r zrandmember z 100]]
        assert_equal 20 [llength [lsort -unique [r zrandmember z 20]]]
        assert_equal 200 [llength [r zrandmember z -200]]
        assert_equal $members [lsort [dict keys [zscan_all z {count 7}]]]
        assert_equal {m7 7} [zscan_all z {match m7}]
    }

    test "Random operations against a model, $encoding" {
        r del z
        set model {}
        for {set i 0} {$i < 2000} {incr i} {
            set member m[expr {int(rand() * 80)}]
            set score [expr {int(rand() * 40) - 20}]
            switch [expr {int(rand() * 4)}] {
                0 {
                    assert_equal [dict exists $model $member] [r zrem z $member]
                    dict unset model $member
                }
                1 {
                    set sum [expr {[dict exists $model $member] ? [dict get $model $member] : 0}]
                    incr sum $score
                    assert_equal $sum [r zincrby z $score $member]
                    dict set model $member $sum
                }
                default {
                    r zadd z $score $member
                    dict set model $member $score
                }
            }
            if {$i % 50 == 0} {
                set order [ranked $model]
                assert_equal $order [r zrange z 0 -1]
                assert_equal [lreverse $order] [r zrevrange z 0 -1]
                if {[llength $order]} {
                    set rank [expr {int(rand() * [llength $order])}]
                    assert_equal $rank [r zrank z [lindex $order $rank]]
                    assert_equal [lrange $order $rank $rank+5] [r zrange z $rank [expr {$rank + 5}]]
                }
            }
        }
    }
    r config set zset-max-listpack-entries 128
}

start_server {} {
    basics listpack 128
    basics skiplist 0

    test "A listpack becomes a tree at the thresholds" {
        r del z
        for {set i 0} {$i < 128} {incr i} { r zadd z $i $i }
        assert_equal listpack [r object encoding z]
        r zadd z 128 128
        assert_equal skiplist [r object encoding z]
        r del z
        r zadd z 1 [string repeat x 64]
        assert_equal listpack [r object encoding z]
        r zadd z 1 [string repeat x 65]
        assert_equal skiplist [r object encoding z]
        r zadd small 1 a
        r zunionstore small 1 small
        assert_equal listpack [r object encoding small]
    }

    test "COPY, RENAME and DEL of sorted sets" {
        r flushall
        for {set i 0} {$i < 500} {incr i} { r zadd z $i m$i }
        r copy z copied
        r zrem z m3
        assert_equal 500 [r zcard copied]
        assert_equal [r zrange copied 0 -1 withscores] [r zrange copied -inf inf byscore withscores]
        r rename copied other
        assert_equal zset [r type other]
        assert_equal 2 [r del z other]
    }

    test "Scores as doubles in RESP3" {
        r del z
        r zadd z 1.5 a 2 b
        set c [redis_client]
        $c hello 3
        assert_equal {{a 1.5} {b 2}} [$c zrange z 0 -1 withscores]
        $c close
    }

    test "A hundred thousand members" {
        r del z
        set c [redis_deferring_client]
        for {set i 0} {$i < 1000} {incr i} {
            set pairs {}
            for {set j 0} {$j < 100} {incr j} { lappend pairs [expr {($i * 100 + $j) * 7919 % 100003}] m$i:$j }
            $c zadd z {*}$pairs
        }
        for {set i 0} {$i < 1000} {incr i} { assert_equal 100 [$c read] }
        $c close
        assert_equal 100000 [r zcard z]
        assert_equal [r zcount z 500 (1500] [llength [r zrangebyscore z 500 (1500]]
        set member [lindex [r zrange z 77777 77777] 0]
        assert_equal 77777 [r zrank z $member]
        assert_equal 90000 [r zremrangebyrank z 5000 94999]
        assert_equal 10000 [r zcard z]
    }
}
