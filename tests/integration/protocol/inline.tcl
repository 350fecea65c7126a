# Inline commands: words on a line, with quoting.

proc inline_reply {bytes} {
    set c [redis_client]
    $c write $bytes
    set got [$c raw]
    $c close
    return $got
}

start_server {} {
    test "An inline command is served" {
        assert_equal "+PONG\r\n" [inline_reply "PING\r\n"]
        assert_equal "\$5\r\nhello\r\n" [inline_reply "PING hello\r\n"]
    }

    test "An inline command may end with a bare newline" {
        assert_equal "+PONG\r\n" [inline_reply "PING\n"]
    }

    test "Inline words may be separated by several spaces and tabs" {
        assert_equal "\$1\r\nx\r\n" [inline_reply "  ECHO   x  \r\n"]
        assert_equal "\$1\r\nx\r\n" [inline_reply "ECHO\tx\r\n"]
    }

    test "Empty inline lines are ignored" {
        assert_equal "+PONG\r\n" [inline_reply "\r\n\r\n\n   \r\nPING\r\n"]
    }

    test "Inline double quotes know escapes" {
        assert_equal "\$6\r\na b\x01\n\"\r\n" [inline_reply "ECHO \"a b\\x01\\n\\\"\"\r\n"]
        assert_equal "\$0\r\n\r\n" [inline_reply "ECHO \"\"\r\n"]
    }

    test "Inline single quotes take all but an escaped quote as it is" {
        assert_equal "\$6\r\na'\\n b\r\n" [inline_reply "ECHO 'a\\'\\n b'\r\n"]
    }

    test "Unbalanced quotes in an inline request close the connection with an error" {
        foreach line {{ECHO "abc} {ECHO 'abc} {ECHO "abc"def} {ECHO 'abc'def}} {
            set c [redis_client]
            $c write "$line\r\n"
            assert_equal "-ERR Protocol error: unbalanced quotes in request\r\n" [$c raw] $line
            assert_equal 1 [$c eof]
            $c close
        }
    }

    test "Inline and multibulk requests mix in one pipeline" {
        set c [redis_deferring_client]
        $c write "PING a\r\n*2\r\n\$4\r\nPING\r\n\$1\r\nb\r\nPING c\n*1\r\n\$4\r\nPING\r\n"
        assert_equal {a b c PONG} [list [$c read] [$c read] [$c read] [$c read]]
        $c close
    }

    test "An inline command split over many packets is served" {
        set c [redis_client]
        foreach char [split "PING abc\r\n" ""] {
            $c write $char
            resp::pause_ms 1
        }
        assert_equal "\$3\r\nabc\r\n" [$c raw]
        $c close
    }

    test "An inline request that is too long is refused" {
        set c [redis_client]
        catch {$c write [string repeat A 70000]}
        assert_equal "-ERR Protocol error: too big inline request\r\n" [$c raw]
        assert_equal 1 [$c eof]
        $c close
    }

    test "An HTTP request is refused as a possible attack" {
        foreach line {"POST / HTTP/1.1\r\n" "GET / HTTP/1.1\r\nHost: example\r\n\r\n"} {
            set mark [log_size]
            set c [redis_client]
            $c write $line
            catch {$c read}
            if {[string match POST* $line]} {
                assert_equal 1 [$c eof]
                wait_for_log $mark "*Possible SECURITY ATTACK detected*"
            } else {
                # GET with two arguments is an ordinary error; the Host: line ends it.
                assert_equal 1 [$c eof]
            }
            $c close
        }
    }
}
