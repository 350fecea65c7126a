# SET with its options, GET and the older forms of both.

start_server {} {
    test "SET and GET of empty and binary keys and values" {
        assert_equal OK [r set x foobar]
        assert_equal foobar [r get x]
        r set empty ""
        assert_equal "" [r get empty]
        assert_equal 1 [r exists empty]
        r set "" keyless
        assert_equal keyless [r get ""]
        set binary "\x00\r\n\xff\x80 $"
        r set $binary $binary
        assert_equal $binary [r get $binary]
    }

    test "SET replaces values of any length" {
        foreach size {1 10 44 45 100 20000 3 100000 0 50} {
            r set x [string repeat v $size]
            assert_equal $size [r strlen x]
            assert_equal [string repeat v $size] [r get x]
        }
    }

    test "SET removes an expiry, KEEPTTL keeps it" {
        r set x 1 ex 100
        r set x 2 keepttl
        assert_range [r ttl x] 90 100
        r set x 3
        assert_equal -1 [r ttl x]
    }

    test "SET NX and XX" {
        r del x
        assert_equal "" [r set x 1 xx]
        assert_equal OK [r set x 1 nx]
        assert_equal "" [r set x 2 nx]
        assert_equal 1 [r get x]
        assert_equal OK [r set x 2 xx]
        assert_equal 2 [r get x]
        assert_error "ERR syntax error" {r set x 1 xx nx}
    }

    test "SET EX, PX, EXAT, PXAT" {
        r set x 1 ex 100
        assert_range [r ttl x] 95 100
        r set x 1 px 100000
        assert_range [r pttl x] 95000 100000
        set then [expr {[clock seconds] + 200}]
        r set x 1 exat $then
        assert_equal $then [r expiretime x]
        r set x 1 pxat ${then}123
        assert_equal ${then}123 [r pexpiretime x]
    }

    test "SET with a time in the past deletes" {
        r set x 1
        assert_equal OK [r set x 2 exat 1]
        assert_equal 0 [r exists x]
        assert_equal OK [r set x 2 pxat 1]
        assert_equal 0 [r exists x]
    }

    test "SET with an invalid expiry" {
        foreach option {ex px exat pxat} {
            foreach value {0 -1 -9223372036854775808} {
                assert_error "ERR invalid expire time in 'set' command" [list r set x 1 $option $value]
            }
            assert_error "ERR value is not an integer or out of range" [list r set x 1 $option abc]
            assert_error "ERR syntax error" [list r set x 1 $option]
        }
        foreach option {ex exat} {
            assert_error "ERR invalid expire time in 'set' command" [list r set x 1 $option 9223372036854775807]
        }
        assert_error "ERR invalid expire time in 'set' command" {r set x 1 px 9223372036854775807}
    }

    test "SET with options that do not go together" {
        foreach options {{ex 10 px 10} {ex 10 keepttl} {keepttl px 10} {exat 10 pxat 10} {nx xx} {nosuch}} {
            assert_error "ERR syntax error" [list r set x 1 {*}$options]
        }
        assert_error "ERR wrong number of arguments for 'set' command" {r set x}
    }

    test "SET options do not depend on case and order" {
        r del x
        assert_equal OK [r set x 1 Ex 100 nX]
        assert_equal OK [r set x 2 Xx eX 50]
        assert_range [r ttl x] 45 50
    }

    test "SET GET answers the old value" {
        r del x
        assert_equal "" [r set x 1 get]
        assert_equal 1 [r set x 2 get]
        assert_equal 2 [r set x 3 nx get]
        assert_equal 2 [r get x]
        assert_equal 2 [r set x 4 xx get ex 100]
        assert_equal 4 [r get x]
        r del y
        assert_equal "" [r set y 1 xx get]
        assert_equal 0 [r exists y]
    }

    test "SET GET of another type" {
        r del l
        r rpush l a
        assert_error "WRONGTYPE Operation against a key holding the wrong kind of value" {r set l x get}
        assert_error "WRONGTYPE *" {r get l}
        assert_equal OK [r set l x]
        assert_equal x [r get l]
    } {command:rpush}

    test "SETNX" {
        r del x
        assert_equal 1 [r setnx x foo]
        assert_equal 0 [r setnx x bar]
        assert_equal foo [r get x]
        r set x 1 px 20
        wait_until 0 5 {r exists x}
        assert_equal 1 [r setnx x again]
    }

    test "SETEX and PSETEX" {
        assert_equal OK [r setex x 100 v]
        assert_range [r ttl x] 95 100
        assert_equal OK [r psetex x 100000 v]
        assert_range [r pttl x] 95000 100000
        assert_error "ERR invalid expire time in 'setex' command" {r setex x 0 v}
        assert_error "ERR invalid expire time in 'psetex' command" {r psetex x -5 v}
        assert_error "ERR value is not an integer or out of range" {r setex x abc v}
    }

    test "GETSET" {
        r del x
        assert_equal "" [r getset x foo]
        assert_equal foo [r getset x bar]
        r expire x 100
        r getset x baz
        assert_equal -1 [r ttl x]
    }

    test "GETDEL" {
        r set x foo
        assert_equal foo [r getdel x]
        assert_equal 0 [r exists x]
        assert_equal "" [r getdel x]
    }

    test "GETEX" {
        r set x foo
        assert_equal foo [r getex x]
        assert_equal -1 [r ttl x]
        assert_equal foo [r getex x ex 100]
        assert_range [r ttl x] 95 100
        r getex x px 50000
        assert_range [r pttl x] 45000 50000
        set then [expr {[clock seconds] + 200}]
        r getex x exat $then
        assert_equal $then [r expiretime x]
        r getex x pxat ${then}000
        assert_equal $then [r expiretime x]
        r getex x persist
        assert_equal -1 [r ttl x]
        assert_equal foo [r getex x exat 1]
        assert_equal 0 [r exists x]
        assert_equal "" [r getex nosuchkey ex 10]
        assert_error "ERR syntax error" {r getex x ex 10 persist}
        assert_error "ERR syntax error" {r getex x keepttl}
        r set x foo
        assert_error "ERR invalid expire time in 'getex' command" {r getex x ex 0}
        assert_equal foo [r get x]
    }

    test "MGET" {
        r del x y
        r set x 1
        assert_equal {1 {} 1} [r mget x y x]
        assert_error "ERR wrong number of arguments for 'mget' command" {r mget}
    }

    test "MSET and MSETNX" {
        assert_equal OK [r mset x 10 y foo z "a b" y twice]
        assert_equal {10 twice {a b}} [r mget x y z]
        assert_error "ERR wrong number of arguments for 'mset' command" {r mset x 1 y}
        assert_equal 0 [r msetnx new 1 x 2]
        assert_equal 0 [r exists new]
        assert_equal 1 [r msetnx new1 1 new2 2 new1 3]
        assert_equal {3 2} [r mget new1 new2]
        assert_error "ERR wrong number of arguments for 'msetnx' command" {r msetnx x 1 y}
    }

    test "MSETNX with the same missing key several times does not crash" {
        r del x1 x2
        assert_equal 1 [r msetnx x1 a x2 b x1 c]
        assert_equal c [r get x1]
    }
}
