# SORT and SORT_RO.

start_server {} {
    test "SORT of numbers" {
        r rpush list 10 9 -1 2.5 1e2 0x10
        assert_equal {-1 2.5 9 10 0x10 1e2} [r sort list]
        assert_equal {1e2 0x10 10 9 2.5 -1} [r sort list desc]
        assert_equal {9 10} [r sort list limit 2 2]
        assert_equal {} [r sort list limit 100 2]
        assert_equal {-1 2.5 9 10 0x10 1e2} [r sort list limit -5 -1]
        assert_equal {-1 2.5 9 10 0x10 1e2} [r sort_ro list]
        assert_equal {} [r sort nosuch]
    }

    test "SORT ALPHA, equal numbers, text that is none" {
        r del list
        r rpush list b a C 10 9 1
        assert_error "ERR One or more scores can't be converted into double" {r sort list}
        assert_equal {1 10 9 C a b} [r sort list alpha]
        r del list
        r rpush list 1.0 1 01 1e0
        assert_equal {01 1 1.0 1e0} [r sort list]
    }

    test "SORT ALPHA by locale-collate" {
        r config set locale-collate C
        r rpush letters b A a B
        assert_equal {A B a b} [r sort letters alpha]
        assert_error "*Failed to set locale*" {r config set locale-collate nonsense}
        assert_equal {locale-collate C} [r config get locale-collate]
        r config set locale-collate ""
    }

    test "SORT of sets and sorted sets" {
        r sadd set 3 1 2
        r zadd zset 1 30 2 10 3 20
        assert_equal {1 2 3} [r sort set]
        assert_equal {10 20 30} [r sort zset]
        assert_equal {30 10 20} [r sort zset by nosort]
        assert_equal {20 10 30} [r sort zset by nosort desc]
        assert_equal {10} [r sort zset by nosort limit 1 1]
        assert_equal {20 10} [r sort zset by nosort desc limit 0 2]
        assert_equal {30 10 20} [r sort zset by nosort by w_*]
        assert_equal {30 10 20} [r sort zset by w_* by nosort]
    }

    test "SORT BY and GET" {
        r del list
        r rpush list 1 2 3
        r mset w_1 3 w_2 1 w_3 2 name_1 one name_3 three
        r hset h_1 w 5 n eins
        r hset h_2 w 6 n zwei
        r hset h_3 w 4 n drei
        assert_equal {2 3 1} [r sort list by w_*]
        assert_equal {3 1 2} [r sort list by h_*->w]
        assert_equal {3 1 2} [r sort list by h_*->n alpha]
        assert_equal {2 {} 3 three 1 one} [r sort list by w_* get # get name_*]
        assert_equal {eins zwei drei} [r sort list by nosort get h_*->n]
        assert_equal {{} {} {}} [r sort list get nostar]
        assert_equal {3 2 1} [r sort list by nosort desc]
        assert_equal {2} [r sort list by nosort limit 1 1]
        # The field is empty: "->" belongs to the key's name.
        r set w_1-> 9
        assert_equal {2 3 1} [r sort list by w_*->]
        assert_error "ERR One or more scores can't be converted into double" {r sort list by h_*->n}
    }

    test "SORT STORE" {
        assert_equal 3 [r sort list desc store out]
        assert_equal {3 2 1} [r lrange out 0 -1]
        assert_equal listpack [r object encoding out]
        assert_equal 3 [r sort list get name_* store out]
        assert_equal {one {} three} [r lrange out 0 -1]
        assert_equal 0 [r sort nosuch store out]
        assert_equal 0 [r exists out]
        assert_equal 3 [r sort set by nosort store out]
        assert_equal {1 2 3} [r lrange out 0 -1]
        assert_error "ERR syntax error" {r sort_ro list store out}
    }

    # What is checked must be what is used.
    test "redis#15478, CVE-2023-41053: SORT with STORE repeated: the last counts, for COMMAND GETKEYS too" {
        r del out other
        r sort list store out store other
        assert_equal {0 1} [list [r exists out] [r exists other]]
        assert_equal {list other} [r command getkeys sort list store out store other]
        assert_equal {list store} [r command getkeys sort list get store by limit store store]
        assert_equal {list} [r command getkeys sort list get store]
        assert_equal {list} [r command getkeys sort_ro list by x]
    }

    test "SORT: errors" {
        r set str x
        r hset hash a b
        assert_error "WRONGTYPE*" {r sort str}
        assert_error "WRONGTYPE*" {r sort hash}
        assert_error "ERR syntax error" {r sort list limit 1}
        assert_error "ERR syntax error" {r sort list by}
        assert_error "ERR syntax error" {r sort list nonsense}
        assert_error "ERR value is not an integer or out of range" {r sort list limit x 1}
    }

    test "CVE-2022-35977: ends of the range in LIMIT" {
        assert_equal {1 2 3} [r sort list limit -9223372036854775808 9223372036854775807]
        assert_equal {} [r sort list limit 9223372036854775807 9223372036854775807]
        assert_equal {1 2 3} [r sort list limit 0 -9223372036854775808]
    }

    test "SORT of many equals the order of a list that is sorted here" {
        r del many
        set numbers {}
        for {set i 0} {$i < 5000} {incr i} {
            lappend numbers [expr {int(rand() * 100000)}]
        }
        r rpush many {*}$numbers
        assert_equal [lsort -integer $numbers] [r sort many]
        assert_equal [lsort -integer -decreasing $numbers] [r sort many desc]
        assert_equal [lsort $numbers] [r sort many alpha]
    }
}
