# RESP2 and RESP3 forms of the same replies, byte by byte.

proc both {words} {
    set c [redis_client]
    $c write [resp::encode $words]
    set two [$c raw]
    $c hello 3
    $c write [resp::encode $words]
    set three [$c raw]
    $c close
    return [list $two $three]
}

start_server {} {
    test "A missing value is a null of the protocol in use" {
        assert_equal [list "\$-1\r\n" "_\r\n"] [both {get nosuchkey}]
        assert_equal [list "*1\r\n\$-1\r\n" "*1\r\n_\r\n"] [both {mget nosuchkey}]
    }

    test "CONFIG GET is a map in RESP3" {
        assert_equal [list "*2\r\n\$9\r\ndatabases\r\n\$2\r\n16\r\n" "%1\r\n\$9\r\ndatabases\r\n\$2\r\n16\r\n"] \
            [both {config get databases}]
    }

    test "INFO is a verbatim string in RESP3" {
        lassign [both {info server}] two three
        assert_match "\$*\r\n# Server\r\n*" $two
        assert_match "=*\r\ntxt:# Server\r\n*" $three
    }

    test "CLIENT LIST is a verbatim string in RESP3" {
        lassign [both {client list}] two three
        assert_match "\$*\r\nid=*" $two
        assert_match "=*\r\ntxt:id=*" $three
    }

    test "COMMAND flags are a set in RESP3" {
        lassign [both {command info get}] two three
        assert_match "\\*1\r\n\\*10\r\n\$3\r\nget\r\n:2\r\n\\*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n*" $two
        assert_match "\\*1\r\n\\*10\r\n\$3\r\nget\r\n:2\r\n~2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n*" $three
    }

    test "Integers, statuses and errors are the same in both" {
        foreach {words reply} {
            {exists nosuchkey} ":0\r\n"
            {ping} "+PONG\r\n"
            {echo ""} "\$0\r\n\r\n"
            {get} "-ERR wrong number of arguments for 'get' command\r\n"
        } {
            assert_equal [list $reply $reply] [both $words]
        }
    }
}
