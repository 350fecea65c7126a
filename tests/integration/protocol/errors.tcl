# Malformed requests: the exact texts, and a closed connection after them.

# The raw reply to BYTES; the connection must be closed behind it.
proc protocol_error {bytes} {
    set c [redis_client]
    $c write $bytes
    set got [$c raw]
    if {![$c eof]} { append got "(still open)" }
    $c close
    return $got
}

start_server {} {
    test "Out of range multibulk length" {
        foreach count {2147483648 20000000000 9223372036854775807 99999999999999999999} {
            assert_equal "-ERR Protocol error: invalid multibulk length\r\n" [protocol_error "*$count\r\n"] $count
        }
    }

    test "Multibulk length that is no number" {
        foreach count {x 1x "" +1 0x10 " 1" 1.5} {
            assert_equal "-ERR Protocol error: invalid multibulk length\r\n" [protocol_error "*$count\r\nPING\r\n"] $count
        }
    }

    test "Negative and zero multibulk lengths are empty requests" {
        foreach count {0 -1 -10 -9223372036854775808} {
            set c [redis_client]
            $c write "*$count\r\nPING\r\n"
            assert_equal "+PONG\r\n" [$c raw] $count
            $c write [resp::encode {ping again}]
            assert_equal "\$5\r\nagain\r\n" [$c raw]
            $c close
        }
    }

    test "Wrong multibulk payload header names the byte it got" {
        assert_equal "-ERR Protocol error: expected '\$', got 'f'\r\n" \
            [protocol_error "*3\r\n\$3\r\nSET\r\n\$1\r\nx\r\nfooz\r\n"]
        assert_equal "-ERR Protocol error: expected '\$', got '*'\r\n" [protocol_error "*1\r\n*1\r\n"]
        assert_equal "-ERR Protocol error: expected '\$', got ':'\r\n" [protocol_error "*1\r\n:1\r\n"]
    }

    test "Bad bulk lengths" {
        foreach size {-1 -10 x "" +3 2000000000 9223372036854775808 3x} {
            assert_equal "-ERR Protocol error: invalid bulk length\r\n" \
                [protocol_error "*3\r\n\$3\r\nSET\r\n\$1\r\nx\r\n\$$size\r\n"] $size
        }
    }

    test "Too big multibulk count line" {
        assert_equal "-ERR Protocol error: too big mbulk count string\r\n" \
            [protocol_error "*[string repeat 1 70000]"]
    }

    test "Too big bulk count line" {
        assert_equal "-ERR Protocol error: too big bulk count string\r\n" \
            [protocol_error "*1\r\n\$[string repeat 1 70000]"]
    }

    test "proto-max-bulk-len is obeyed" {
        set old [lindex [r config get proto-max-bulk-len] 1]
        r config set proto-max-bulk-len 2mb
        assert_equal "-ERR Protocol error: invalid bulk length\r\n" \
            [protocol_error "*2\r\n\$4\r\nECHO\r\n\$2097153\r\n"]
        set value [string repeat x 2097152]
        assert {[r echo $value] eq $value}
        r config set proto-max-bulk-len $old
    }

    test "An empty command name is unknown, not a crash" {
        set c [redis_client]
        $c write "*1\r\n\$0\r\n\r\n"
        assert_equal "-ERR unknown command '', with args beginning with: \r\n" [$c raw]
        assert_equal PONG [$c ping]
        $c close
    }

    test "Binary command names and arguments are shown cut and without line ends" {
        set c [redis_client]
        $c write [resp::encode [list "foo\r\nbar" "a\r\nb"]]
        set raw [$c raw]
        assert_match "-ERR unknown command 'foo*bar', with args beginning with: 'a*b' \r\n" $raw
        assert_equal 1 [regexp -all {\r\n} $raw]
        $c write [resp::encode [list [string repeat n 500] [string repeat a 500] b]]
        set raw [$c raw]
        assert {[string length $raw] < 450} [string length $raw]
        assert_match "-ERR unknown command '[string repeat n 128]', with args*" $raw
        assert_equal PONG [$c ping]
        $c close
    }

    test "Unknown command text lists the first arguments" {
        assert_error "ERR unknown command 'foobaredcommand', with args beginning with: 'a' 'b' 'c' " {
            r foobaredcommand a b c
        }
    }

    test "Unknown subcommand text" {
        assert_error "ERR unknown subcommand 'nosuch'. Try CLIENT HELP." {r client nosuch}
        assert_error "ERR unknown subcommand 'nosuch'. Try CONFIG HELP." {r config nosuch}
        assert_error "ERR wrong number of arguments for 'client' command" {r client}
        assert_error "ERR wrong number of arguments for 'client|id' command" {r client id extra}
        assert_error "ERR wrong number of arguments for 'config|get' command" {r config get}
    }

    test "Command names do not depend on case" {
        assert_equal PONG [r PiNg]
        assert_equal [r client id] [r CLIENT Id]
    }

    test "A client that ends in the middle of a request leaves no trace" {
        foreach bytes {"*" "*3\r\n" "*3\r\n\$3" "*3\r\n\$3\r\nSE" "*3\r\n\$3\r\nSET\r\n\$1\r\nk\r\n\$5\r\nab" "PI"} {
            set c [redis_client]
            $c write $bytes
            $c close
        }
        wait_until 1 5 {llength [split [string trim [r client list]] \n]}
        assert_equal 0 [r exists k]
    }

    test "A request of more than a million arguments" {
        set c [redis_client]
        $c write "*1100001\r\n\$3\r\nDEL\r\n[string repeat "\$1\r\nk\r\n" 1100000]"
        assert_equal 0 [$c read]
        $c close
    }

    test "A thousand arguments, a hundred thousand arguments" {
        set words mset
        for {set i 0} {$i < 1000} {incr i} { lappend words key:$i $i }
        assert_equal OK [r {*}$words]
        assert_equal 1000 [r dbsize]
        set words del
        for {set i 0} {$i < 100000} {incr i} { lappend words key:$i }
        assert_equal 1000 [r {*}$words]
    }
}
