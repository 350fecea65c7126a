# PING, ECHO, QUIT, RESET.

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
}
