# Pipelines: order, splits at every byte, deep and wide ones.

start_server {} {
    test "Replies of a pipeline come in order" {
        set c [redis_deferring_client]
        set bytes ""
        for {set i 0} {$i < 1000} {incr i} { append bytes [resp::encode [list echo $i]] }
        $c write $bytes
        for {set i 0} {$i < 1000} {incr i} { assert_equal $i [$c read] }
        $c close
    }

    test "A request split at every byte is understood" {
        set request "[resp::encode {set k "a\r\nb"}][resp::encode {get k}]PING x\r\n"
        set c [redis_deferring_client]
        for {set cut 1} {$cut < [string length $request]} {incr cut} {
            $c write [string range $request 0 $cut-1]
            resp::pause_ms 0
            $c write [string range $request $cut end]
            assert_equal [list OK "a\r\nb" x] [list [$c read] [$c read] [$c read]] "cut at $cut"
        }
        $c close
    }

    test "A request that comes byte by byte is understood" {
        set c [redis_deferring_client]
        foreach byte [split [resp::encode {echo "x\r\ny"}] ""] {
            $c write $byte
        }
        assert_equal "x\r\ny" [$c read]
        $c close
    }

    test "An error inside a pipeline does not disturb the others" {
        set c [redis_deferring_client]
        $c set a 1
        $c nosuch
        $c get
        $c get a
        assert_equal OK [$c read]
        assert_error "ERR unknown command 'nosuch'*" {$c read}
        assert_error "ERR wrong number of arguments for 'get' command" {$c read}
        assert_equal 1 [$c read]
        $c close
    }

    test "Values of many sizes go in and out of one pipeline" {
        set c [redis_deferring_client]
        set sizes {0 1 63 64 1023 1024 16383 16384 16385 32767 32768 32769 65535 65536 262144 1048577}
        foreach size $sizes {
            set value [string repeat [format %c [expr {97 + $size % 26}]] $size]
            $c set size:$size $value
            $c get size:$size
            $c strlen size:$size
        }
        foreach size $sizes {
            set value [string repeat [format %c [expr {97 + $size % 26}]] $size]
            assert_equal OK [$c read]
            assert {[$c read] eq $value} "size $size"
            assert_equal $size [$c read]
        }
        $c close
    }

    test "Large values split over packets keep their bytes" {
        set value ""
        for {set i 0} {$i < 20000} {incr i} { append value [format %08x $i] }
        set c [redis_deferring_client]
        set bytes [resp::encode [list set big $value]]
        for {set at 0} {$at < [string length $bytes]} {incr at 7919} {
            $c write [string range $bytes $at [expr {$at + 7918}]]
        }
        assert_equal OK [$c read]
        assert {[r get big] eq $value}
        $c close
    }

    test "Several clients with pipelines each get their own replies" {
        set clients {}
        for {set i 0} {$i < 20} {incr i} { lappend clients [redis_deferring_client] }
        for {set round 0} {$round < 50} {incr round} {
            set i 0
            foreach c $clients { $c echo $i:$round; incr i }
        }
        set i 0
        foreach c $clients {
            for {set round 0} {$round < 50} {incr round} { assert_equal $i:$round [$c read] }
            $c close
            incr i
        }
    }

    test "What follows QUIT in a pipeline is dropped" {
        set c [redis_deferring_client]
        $c write "[resp::encode {quit}][resp::encode {set afterquit 1}]"
        assert_equal OK [$c read]
        assert_equal 1 [$c eof]
        $c close
        assert_equal 0 [r exists afterquit]
    }

    test "A client that closes its sending side still gets its replies" {
        set c [redis_deferring_client]
        $c write "[resp::encode {set half 1}][resp::encode {get half}]"
        chan close [$c channel] write
        assert_equal {OK 1} [list [$c read] [$c read]]
        $c close
    } {plain}

    test "Replies larger than the socket's buffers are complete for a slow reader" {
        r set slow [string repeat s 1000000]
        set c [redis_deferring_client]
        $c client setname slow
        assert_equal OK [$c read]
        for {set i 0} {$i < 20} {incr i} { $c get slow }
        wait_until 1 10 {regexp {name=slow[^\n]* omem=[1-9]} [r client list]}
        for {set i 0} {$i < 20} {incr i} { assert_equal 1000000 [string length [$c read]] }
        $c close
    }
}
