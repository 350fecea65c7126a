# Sets over a connection: encodings, algebra against a model, drawing, scanning while changing.

start_server {} {
    proc members_of {key} { return [lsort [r smembers $key]] }

    test "SADD, SISMEMBER, SCARD, SMEMBERS, SREM in each encoding" {
        foreach {encoding items} {
            intset {1 -5 100000 3000000000}
            listpack {a 1 {} long-member}
            hashtable {a 1 {} abcdefg 0123456789012345678901234567890123456789012345678901234567890123456789}
        } {
            r del s
            assert_equal [llength $items] [r sadd s {*}$items]
            assert_equal $encoding [r object encoding s]
            assert_equal [lsort $items] [members_of s]
            assert_equal [llength $items] [r scard s]
            foreach item $items {
                assert_equal 1 [r sismember s $item]
                assert_equal 0 [r sadd s $item]
            }
            assert_equal {0 1} [r smismember s absent [lindex $items 0]]
            foreach item $items { assert_equal 1 [r srem s $item] }
            assert_equal 0 [r exists s]
        }
    }

    test "thresholds can be configured" {
        r config set set-max-intset-entries 3
        r config set set-max-listpack-entries 4
        r config set set-max-listpack-value 5
        r del s
        r sadd s 1 2 3
        assert_equal intset [r object encoding s]
        r sadd s x
        assert_equal listpack [r object encoding s]
        r sadd s y
        assert_equal hashtable [r object encoding s]
        r del s
        r sadd s 12345
        r sadd s abcdef
        assert_equal hashtable [r object encoding s]
        r config set set-max-intset-entries 512
        r config set set-max-listpack-entries 128
        r config set set-max-listpack-value 64
    }

    test "algebra against a model" {
        for {set round 0} {$round < 60} {incr round} {
            set keys {}
            for {set k 0} {$k < 3} {incr k} {
                r del key$k
                set model($k) {}
                set size [expr {int(rand() * [lindex {5 60 400} [expr {$round % 3}]])}]
                for {set i 0} {$i < $size} {incr i} {
                    set item [expr {rand() < 0.5 ? int(rand() * 300) : "m[expr {int(rand() * 300)}]"}]
                    if {$k == 0 && $round % 2} { set item [expr {int(rand() * 300)}] }
                    r sadd key$k $item
                    lappend model($k) $item
                }
                lappend keys key$k
            }
            set union [lsort -unique [concat $model(0) $model(1) $model(2)]]
            set inter {}
            set diff {}
            foreach item $union {
                set in0 [expr {$item in $model(0)}]
                set in1 [expr {$item in $model(1)}]
                set in2 [expr {$item in $model(2)}]
                if {$in0 && $in1 && $in2} { lappend inter $item }
                if {$in0 && !$in1 && !$in2} { lappend diff $item }
            }
            assert_equal $union [lsort [r sunion {*}$keys]]
            assert_equal $inter [lsort [r sinter {*}$keys]]
            assert_equal $diff [lsort [r sdiff {*}$keys]]
            assert_equal [llength $inter] [r sintercard 3 {*}$keys]
            assert_equal [llength $union] [r sunionstore to {*}$keys]
            assert_equal $union [members_of to]
            assert_equal [llength $inter] [r sinterstore to {*}$keys]
            assert_equal $inter [members_of to]
            assert_equal [llength $diff] [r sdiffstore to {*}$keys]
            assert_equal $diff [members_of to]
        }
    }

    test "SPOP and SRANDMEMBER draw distinct members of a large set" {
        r del s
        set all {}
        for {set i 0} {$i < 1500} {incr i} { lappend all member:$i }
        r sadd s {*}$all
        foreach count {10 400 1000 1499} {
            set drawn [r srandmember s $count]
            assert_equal $count [llength [lsort -unique $drawn]]
            assert_equal $count [llength $drawn]
        }
        assert_equal 3000 [llength [r srandmember s -3000]]
        set drawn [concat [r spop s 100] [r spop s 1300] [r spop s] [r spop s 99999]]
        assert_equal [lsort $all] [lsort $drawn]
        assert_equal 0 [r exists s]
    }

    test "SSCAN sees every member that stays" {
        r del s
        for {set i 0} {$i < 1000} {incr i} { lappend stay stay:$i }
        r sadd s {*}$stay
        set cursor 0
        set seen {}
        set step 0
        while 1 {
            lassign [r sscan s $cursor count 20] cursor items
            lappend seen {*}$items
            if {$cursor == 0} break
            incr step
            r sadd s come:$step other:$step
            r srem s come:[expr {$step - 3}]
        }
        set seen [lsort -unique $seen]
        foreach item $stay { assert {[lsearch -sorted $seen $item] >= 0} $item }
    }

    test "a large set is freed in the background" {
        r del s
        for {set i 0} {$i < 20} {incr i} {
            set items {}
            for {set j 0} {$j < 500} {incr j} { lappend items member-number-$i-$j }
            r sadd s {*}$items
        }
        assert_equal 10000 [r scard s]
        assert_equal 1 [r copy s t]
        r unlink s
        assert_equal 10000 [r scard t]
        r flushall async
        assert_equal 0 [r dbsize]
    }
}
