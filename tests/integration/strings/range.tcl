# APPEND, STRLEN, GETRANGE, SETRANGE, SUBSTR, LCS.

start_server {} {
    test "APPEND" {
        r del x
        assert_equal 3 [r append x foo]
        assert_equal 6 [r append x bar]
        assert_equal foobar [r get x]
        r set n 12
        assert_equal 4 [r append n 34]
        assert_equal 1235 [r incr n]
        r set e 1 ex 100
        r append e 2
        assert_range [r ttl e] 95 100
    }

    test "APPEND of many pieces" {
        r del x
        set whole ""
        for {set i 0} {$i < 500} {incr i} {
            set piece [string repeat [format %c [expr {97 + $i % 26}]] [expr {int(rand() * 100)}]]
            append whole $piece
            assert_equal [string length $whole] [r append x $piece]
        }
        assert_equal $whole [r get x]
    }

    test "STRLEN" {
        r set x 0123456789
        assert_equal 10 [r strlen x]
        r set x -555
        assert_equal 4 [r strlen x]
        assert_equal 0 [r strlen nosuchkey]
    }

    test "SETRANGE" {
        r del x
        assert_equal 3 [r setrange x 0 foo]
        assert_equal 6 [r setrange x 3 bar]
        assert_equal foobar [r get x]
        assert_equal 6 [r setrange x 1 OO]
        assert_equal fOObar [r get x]
        r del x
        assert_equal 4 [r setrange x 1 foo]
        assert_equal "\x00foo" [r get x]
        r set x 1234
        assert_equal 4 [r setrange x 0 9]
        assert_equal 9234 [r get x]
        assert_equal 6 [r setrange x 5 z]
        assert_equal "9234\x00z" [r get x]
    }

    test "SETRANGE with an empty value changes nothing" {
        r del x
        assert_equal 0 [r setrange x 5 ""]
        assert_equal 0 [r exists x]
        r set x foo
        assert_equal 3 [r setrange x 5 ""]
        assert_equal foo [r get x]
    }

    test "SETRANGE out of range" {
        assert_error "ERR offset is out of range" {r setrange x -1 a}
        assert_error "ERR string exceeds maximum allowed size (proto-max-bulk-len)" {
            r setrange x 536870911 ab
        }
        assert_error "ERR string exceeds maximum allowed size (proto-max-bulk-len)" {
            r setrange x 9223372036854775807 ab
        }
        assert_error "ERR value is not an integer or out of range" {r setrange x 9223372036854775808 a}
        assert_equal PONG [r ping]
    }

    test "GETRANGE and SUBSTR at all ends" {
        r set x "Hello World"
        foreach {from to want} {0 3 Hell 0 -1 "Hello World" -4 -1 orld 5 3 "" 5 5000 " World"
            -5000 10000 "Hello World" 20 30 "" -1 -5 "" 9223372036854775807 -1 ""
            -9223372036854775808 9223372036854775807 "Hello World"} {
            assert_equal $want [r getrange x $from $to] "$from $to"
            assert_equal $want [r substr x $from $to] "$from $to"
        }
        r set n 1234
        assert_equal 123 [r getrange n 0 2]
        assert_equal "" [r getrange nosuchkey 0 -1]
        assert_error "ERR value is not an integer or out of range" {r getrange n 0 x}
    }

    test "LCS" {
        r mset a ohmytext b mynewtext
        assert_equal mytext [r lcs a b]
        assert_equal 6 [r lcs a b len]
        assert_equal {matches {{{4 7} {5 8}} {{2 3} {0 1}}} len 6} [r lcs a b idx]
        assert_equal {matches {{{4 7} {5 8} 4}} len 6} [r lcs a b idx minmatchlen 4 withmatchlen]
        assert_equal "" [r lcs nosuch1 nosuch2]
        assert_error "ERR If you want both the length and indexes, please just use IDX." {r lcs a b len idx}
        assert_error "ERR syntax error" {r lcs a b nosuch}
        assert_error "ERR wrong number of arguments for 'lcs' command" {r lcs a}
    } {command:lcs}
}
