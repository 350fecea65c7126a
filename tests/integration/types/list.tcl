# Lists over a connection: encodings, large elements, compression, and random work against a model.

proc random_list_value {} {
    switch [expr {int(rand() * 10)}] {
        0 - 1 - 2 { return [expr {int(rand() * 50)}] }
        3 { return [expr {int(rand() * 1e15) - 5e14}] }
        4 { return [string repeat y [expr {int(rand() * 3000)}]] }
        5 { return [expr {rand() < 0.2 ? [string repeat z 9000] : "z"}] }
        default { return [format %c [expr {97 + int(rand() * 6)}]] }
    }
}

start_server {overrides {list-max-listpack-size 5}} {
    test "LPUSH, RPUSH, LLEN, LINDEX, LPOP" {
        assert_equal 1 [r lpush l a]
        assert_equal 2 [r rpush l b]
        assert_equal 3 [r rpush l c]
        assert_equal 3 [r llen l]
        assert_equal a [r lindex l 0]
        assert_equal c [r lindex l -1]
        assert_equal {} [r lindex l 3]
        assert_equal {c b a} [list [r rpop l] [r rpop l] [r lpop l]]
        assert_equal 0 [r exists l]
    }

    test "a list leaves the listpack and comes back" {
        r del l
        r rpush l 1 2 3 4 5
        assert_equal listpack [r object encoding l]
        r rpush l 6
        assert_equal quicklist [r object encoding l]
        r ltrim l 0 1
        assert_equal listpack [r object encoding l]
        assert_equal {1 2} [r lrange l 0 -1]
    }

    test "elements of every size come back" {
        r del l
        set expected {}
        foreach size {0 1 63 64 127 4095 4096 8185 8192 16383 32767 32768 65536 1000000} {
            set value [string repeat x $size]
            r rpush l $value
            lappend expected $value
        }
        assert {[r lrange l 0 -1] eq $expected}
        r lpush l first
        assert_equal first [r lpop l]
        foreach value $expected { assert {[r lmove l m left right] eq $value} }
        assert {[r lrange m 0 -1] eq $expected}
        assert_equal 0 [r exists l]
    }

    test "LRANGE of thousands" {
        r del l
        set expected {}
        for {set i 0} {$i < 5000} {incr i} { lappend expected element:$i }
        r rpush l {*}$expected
        assert_equal 5000 [r llen l]
        assert {[r lrange l 0 -1] eq $expected}
        assert {[r lrange l -600 -1] eq [lrange $expected end-599 end]}
        assert {[r lrange l 2000 2599] eq [lrange $expected 2000 2599]}
        r unlink l
    }

    test "LMPOP takes from the first list that has elements" {
        r del a b
        r rpush b 1 2 3
        assert_equal {b {1 2}} [r lmpop 2 a b left count 2]
        assert_equal {b 3} [r lmpop 2 a b right]
        assert_equal {} [r lmpop 2 a b right]
    }

    foreach {size depth} {-2 0 -1 1 4 2 128 0} {
        test "random work against a model, list-max-listpack-size $size, list-compress-depth $depth" {
            r config set list-max-listpack-size $size
            r config set list-compress-depth $depth
            r del l
            set model {}
            for {set step 0} {$step < 600} {incr step} {
                set value [random_list_value]
                set index [expr {[llength $model] ? int(rand() * [llength $model]) : 0}]
                switch [expr {int(rand() * 9)}] {
                    0 - 1 { r rpush l $value; lappend model $value }
                    2 - 3 { r lpush l $value; set model [linsert $model 0 $value] }
                    4 {
                        assert_equal [lindex $model end] [r rpop l]
                        set model [lrange $model 0 end-1]
                    }
                    5 {
                        if {[llength $model]} {
                            r lset l $index $value
                            lset model $index $value
                        }
                    }
                    6 {
                        set pivot [lindex $model $index]
                        if {[llength $model]} {
                            r linsert l before $pivot $value
                            set model [linsert $model [lsearch -exact $model $pivot] $value]
                        }
                    }
                    7 {
                        set wanted [lsearch -all -exact $model $value]
                        assert_equal [llength $wanted] [r lrem l 0 $value]
                        foreach at [lreverse $wanted] { set model [lreplace $model $at $at] }
                    }
                    8 {
                        if {rand() < 0.2} {
                            r ltrim l 1 -2
                            set model [lrange $model 1 end-1]
                        }
                    }
                }
                assert_equal [lindex $model $index] [r lindex l $index]
                if {$step % 50 == 0} { assert {[r lrange l 0 -1] eq $model} "at step $step" }
            }
            assert {[r lrange l 0 -1] eq $model}
            assert_equal [llength $model] [r llen l]
        }
    }
}
