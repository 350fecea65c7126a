# INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT.

start_server {} {
    test "INCR from nothing" {
        r del n
        assert_equal 1 [r incr n]
        assert_equal 1 [r get n]
        assert_equal 2 [r incr n]
        assert_equal 102 [r incrby n 100]
        assert_equal 101 [r decr n]
        assert_equal 1 [r decrby n 100]
        assert_equal -9 [r incrby n -10]
    }

    test "INCR against a value that was SET" {
        r set n 100
        assert_equal 101 [r incr n]
        r set n -5
        assert_equal -4 [r incr n]
        r set n 17179869184
        assert_equal 34359738368 [r incrby n 17179869184]
    }

    test "INCR refuses what is no integer" {
        foreach value {"" " 1" "1 " 1.5 abc 1e3 +1 01 -0 9223372036854775808 "1\x00" 0x10} {
            r set n $value
            assert_error "ERR value is not an integer or out of range" {r incr n}
            assert_equal $value [r get n]
        }
    }

    test "INCR keeps the expiry" {
        r set n 1 ex 100
        r incr n
        r incrbyfloat n 1.5
        assert_range [r ttl n] 95 100
    }

    test "INCR and DECR at the ends of 64 bits" {
        r set n 9223372036854775806
        assert_equal 9223372036854775807 [r incr n]
        assert_error "ERR increment or decrement would overflow" {r incr n}
        assert_error "ERR increment or decrement would overflow" {r incrby n 9223372036854775807}
        assert_equal 9223372036854775807 [r get n]
        r set n -9223372036854775807
        assert_equal -9223372036854775808 [r decr n]
        assert_error "ERR increment or decrement would overflow" {r decr n}
        assert_error "ERR decrement would overflow" {r decrby n -9223372036854775808}
        r set n -1
        assert_error "ERR increment or decrement would overflow" {r incrby n -9223372036854775808}
        r set n 0
        assert_equal -9223372036854775808 [r incrby n -9223372036854775808]
        assert_error "ERR value is not an integer or out of range" {r incrby n 9223372036854775808}
    }

    test "INCRBYFLOAT" {
        r del n
        assert_equal 1 [r incrbyfloat n 1]
        assert_equal 1.25 [r incrbyfloat n 0.25]
        assert_equal 1.25 [r get n]
        assert_equal 1.5 [r incrbyfloat n 2.5e-1]
        r set n 3.0e3
        assert_equal 3200 [r incrbyfloat n 200]
        assert_equal 3199.5 [r incrbyfloat n -.5]
        r set n 10.50
        assert_equal 10.6 [r incrbyfloat n 0.1]
        r set n 5
        assert_equal 0 [r incrbyfloat n -5]
        r set n 17179869184
        assert_equal 34359738368 [r incrbyfloat n 17179869184]
        r set n 1
        assert_equal 10000000000000001 [r incrbyfloat n 1e16]
    }

    test "INCRBYFLOAT refuses what is no number" {
        foreach value {"" " 1" "1 " abc 1x "1\x00"} {
            r set n $value
            assert_error "ERR value is not a valid float" {r incrbyfloat n 1.0}
        }
        r set n 1
        foreach value {abc "" "1 " nan} {
            assert_error "ERR value is not a valid float" [list r incrbyfloat n $value]
        }
        foreach value {inf +inf -inf} {
            assert_error "ERR increment would produce NaN or Infinity" [list r incrbyfloat n $value]
        }
        assert_equal 1 [r get n]
    }

    test "INCR of another type" {
        r rpush l 1
        assert_error "WRONGTYPE *" {r incr l}
        assert_error "WRONGTYPE *" {r incrbyfloat l 1}
    } {command:rpush}

    test "Encodings of integers" {
        r set n 12345
        assert_equal int [r object encoding n]
        r set n 9223372036854775807
        assert_equal int [r object encoding n]
        r set n 9223372036854775808
        assert_equal embstr [r object encoding n]
        r set n " 1"
        assert_equal embstr [r object encoding n]
        r set n [string repeat x 44]
        assert_equal embstr [r object encoding n]
        r set n [string repeat x 45]
        assert_equal raw [r object encoding n]
        r set n 1
        r append n 2
        assert_equal raw [r object encoding n]
        assert_equal 13 [r incr n]
        assert_equal int [r object encoding n]
        r incrbyfloat n 1
        assert_equal 14 [r get n]
    }
}
