# PING, ECHO, SELECT, QUIT, RESET, SWAPDB.

start_server {} {
    test "PING answers PONG" {
        assert_equal PONG [r ping]
    }

    test "PING with an argument echoes it" {
        assert_equal hello [r ping hello]
        assert_equal "" [r ping ""]
    }

    test "PING with two arguments is an error" {
        assert_error "ERR wrong number of arguments for 'ping' command" {r ping a b}
    }

    test "ECHO" {
        assert_equal "a\r\nb\x00c" [r echo "a\r\nb\x00c"]
        assert_error "ERR wrong number of arguments for 'echo' command" {r echo}
    }

    test "SELECT changes the database of this connection only" {
        set c [redis_client]
        r set k zero
        assert_equal OK [$c select 9]
        assert_equal "" [$c get k]
        $c set k nine
        assert_equal zero [r get k]
        assert_equal nine [$c get k]
        $c close
        r flushall
    }

    test "SELECT refuses what is no database" {
        foreach index {16 -1 100000} {
            assert_error "ERR DB index is out of range" [list r select $index]
        }
        foreach index {x 1x "" 99999999999999999999} {
            assert_error "ERR *" [list r select $index]
        }
        assert_error "ERR value is not an integer or out of range" {r select abc}
        assert_equal PONG [r ping]
    }

    test "SWAPDB swaps what connections see" {
        set c [redis_client]
        $c select 1
        r set k 0
        $c set k 1
        assert_equal OK [r swapdb 0 1]
        assert_equal {1 0} [list [r get k] [$c get k]]
        assert_equal OK [r swapdb 3 3]
        assert_error "ERR DB index is out of range" {r swapdb 0 16}
        assert_error "ERR invalid first DB index" {r swapdb a 0}
        assert_error "ERR invalid second DB index" {r swapdb 0 a}
        r flushall
        $c close
    }

    test "QUIT answers OK and closes" {
        set c [redis_client]
        assert_equal OK [$c quit]
        assert_equal 1 [$c eof]
        $c close
    }

    test "RESET selects database 0, RESP2 and no name" {
        set c [redis_client]
        $c hello 3
        $c select 5
        $c client setname foo
        assert_equal RESET [$c reset]
        $c write [resp::encode {get nosuch}]
        assert_equal "\$-1\r\n" [$c raw]
        set info [$c client info]
        assert_match "* name= *" $info
        assert_match "* db=0 *" $info
        $c close
    }

    test "RESET discards a transaction" {
        set c [redis_client]
        $c multi
        $c set fromtransaction 1
        assert_equal RESET [$c reset]
        assert_error "ERR EXEC without MULTI" {$c exec}
        assert_equal 0 [$c exists fromtransaction]
        $c close
    } {command:multi}

    test "TIME is the machine's" {
        lassign [r time] seconds micros
        assert_range $seconds [expr {[clock seconds] - 2}] [expr {[clock seconds] + 2}]
        assert_range $micros 0 999999
    }

    test "LOLWUT says its version" {
        assert_match "*ver*" [r lolwut]
    } {command:lolwut}
}
