# SUBSCRIBE and companions, PUBLISH, PUBSUB.

proc client_field {c field} {
    regexp "(?:^| )$field=(\\S*)" [$c client info] -> value
    return $value
}

start_server {} {
    test "SUBSCRIBE, PUBLISH, UNSUBSCRIBE: bytes in RESP2" {
        set c [redis_client]
        $c send subscribe x y x
        assert_equal "*3\r\n\$9\r\nsubscribe\r\n\$1\r\nx\r\n:1\r\n" [$c raw]
        assert_equal "*3\r\n\$9\r\nsubscribe\r\n\$1\r\ny\r\n:2\r\n" [$c raw]
        assert_equal "*3\r\n\$9\r\nsubscribe\r\n\$1\r\nx\r\n:2\r\n" [$c raw]
        assert_equal 1 [r publish x hello]
        assert_equal 0 [r publish z hello]
        assert_equal "*3\r\n\$7\r\nmessage\r\n\$1\r\nx\r\n\$5\r\nhello\r\n" [$c raw]
        $c send unsubscribe x nosuch
        assert_equal "*3\r\n\$11\r\nunsubscribe\r\n\$1\r\nx\r\n:1\r\n" [$c raw]
        assert_equal "*3\r\n\$11\r\nunsubscribe\r\n\$6\r\nnosuch\r\n:1\r\n" [$c raw]
        $c send unsubscribe
        assert_equal "*3\r\n\$11\r\nunsubscribe\r\n\$1\r\ny\r\n:0\r\n" [$c raw]
        $c send unsubscribe
        assert_equal "*3\r\n\$11\r\nunsubscribe\r\n\$-1\r\n:0\r\n" [$c raw]
        assert_equal PONG [$c ping]
        $c close
    }

    test "The same in RESP3" {
        set c [redis_client]
        $c hello 3
        $c send subscribe x
        assert_equal ">3\r\n\$9\r\nsubscribe\r\n\$1\r\nx\r\n:1\r\n" [$c raw]
        $c send psubscribe {[xy]}
        assert_equal ">3\r\n\$10\r\npsubscribe\r\n\$4\r\n\[xy\]\r\n:2\r\n" [$c raw]
        assert_equal 2 [r publish x m]
        assert_equal ">3\r\n\$7\r\nmessage\r\n\$1\r\nx\r\n\$1\r\nm\r\n" [$c raw]
        assert_equal ">4\r\n\$8\r\npmessage\r\n\$4\r\n\[xy\]\r\n\$1\r\nx\r\n\$1\r\nm\r\n" [$c raw]
        $c send punsubscribe
        assert_equal ">3\r\n\$12\r\npunsubscribe\r\n\$4\r\n\[xy\]\r\n:1\r\n" [$c raw]
        $c send punsubscribe
        assert_equal ">3\r\n\$12\r\npunsubscribe\r\n_\r\n:1\r\n" [$c raw]
        $c close
    }

    test "In RESP3 a subscriber runs any command; its own messages follow the reply" {
        set c [redis_client]
        $c hello 3
        $c subscribe x
        assert_equal OK [$c set k v]
        assert_equal PONG [$c ping]
        assert_equal 1 [$c publish x mine]
        assert_equal {message x mine} [$c read]
        $c close
    } {redis8}

    test "In RESP2 a subscriber may do little" {
        set c [redis_client]
        $c subscribe x
        assert_error "ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context" {$c get k}
        assert_error "ERR Can't execute 'client|list': only *" {$c client list}
        assert_error "ERR wrong number of arguments for 'get' command" {$c get}
        assert_error "EXECABORT Transaction discarded because of: Can't execute 'exec': only *" {$c exec}
        assert_equal {pong {}} [$c ping]
        assert_equal {pong hey} [$c ping hey]
        assert_equal RESET [$c reset]
        assert_equal PONG [$c ping]
        assert_equal 0 [r publish x m]
        $c close
    }

    test "Shard channels are counted apart" {
        set c [redis_client]
        $c hello 3
        $c subscribe x
        assert_equal {ssubscribe x 1} [$c ssubscribe x]
        assert_equal 1 [r spublish x shard]
        assert_equal {smessage x shard} [$c read]
        assert_equal 1 [r publish x plain]
        assert_equal {message x plain} [$c read]
        assert_equal {sub 1 psub 0 ssub 1} [list sub [client_field $c sub] psub [client_field $c psub] \
            ssub [client_field $c ssub]]
        assert_equal P [client_field $c flags]
        assert_equal {sunsubscribe x 0} [$c sunsubscribe]
        assert_equal {sunsubscribe {} 0} [$c sunsubscribe]
        assert_equal {unsubscribe x 0} [$c unsubscribe]
        assert_equal N [client_field $c flags]
        $c close
    }

    test "PUBSUB tells who listens to what" {
        set a [redis_client]
        set b [redis_client]
        $a subscribe one
        $b subscribe one
        $b psubscribe t*
        $a psubscribe t*
        $a psubscribe ?
        $a ssubscribe s1
        assert_equal {one} [r pubsub channels]
        assert_equal {} [r pubsub channels tw*]
        assert_equal {one 2 two 0} [r pubsub numsub one two]
        assert_equal {} [r pubsub numsub]
        assert_equal 2 [r pubsub numpat]
        assert_equal {s1} [r pubsub shardchannels]
        assert_equal {s1 1 one 0} [r pubsub shardnumsub s1 one]
        assert_equal 2 [s pubsub_clients]
        assert_equal 1 [s pubsub_channels]
        assert_equal 2 [s pubsub_patterns]
        assert_equal 1 [s pubsubshard_channels]
        assert_error "ERR unknown subcommand 'nosuch'. Try PUBSUB HELP." {r pubsub nosuch}
        assert_error "ERR wrong number of arguments for 'pubsub' command" {r pubsub}
        assert_error "ERR unknown subcommand or wrong number of arguments for 'channels'. Try PUBSUB HELP." {r pubsub channels a b}
        assert_match "PUBSUB <subcommand>*" [lindex [r pubsub help] 0]
        $a close
        $b close
        wait_until 0 10 {s pubsub_clients}
        assert_equal {} [r pubsub channels]
        assert_equal 0 [r pubsub numpat]
    } {redis8}

    test "CLIENT REPLY OFF does not hold messages back" {
        set c [redis_client]
        $c hello 3
        $c send client reply off
        assert_equal {subscribe x 1} [$c subscribe x]
        assert_equal 1 [r publish x loud]
        assert_equal {message x loud} [$c read]
        $c send set k v
        assert_equal OK [$c client reply on]
        $c close
    }

    test "Subscribing in a transaction" {
        set c [redis_client]
        $c multi
        $c subscribe x
        $c ping
        $c ssubscribe s
        $c send exec
        assert_equal "*3\r\n*3\r\n\$9\r\nsubscribe\r\n\$1\r\nx\r\n:1\r\n*2\r\n\$4\r\npong\r\n\$0\r\n\r\n-ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client\r\n" [$c raw]
        $c unsubscribe
        $c hello 3
        $c subscribe x
        $c multi
        $c publish x 1
        $c publish x 2
        assert_equal {1 1} [$c exec]
        assert_equal {message x 1} [$c read]
        assert_equal {message x 2} [$c read]
        $c close
    } {redis8}

    test "Messages of any size and any bytes, to receivers of both protocols" {
        set a [redis_client]
        set b [redis_client]
        $b hello 3
        $a subscribe "ch\r\n"
        $b subscribe "ch\r\n"
        foreach size {0 1 400 600 5000 100000 3000000} {
            set message [string repeat "\x00\r\n$" [expr {$size / 4}]]
            assert_equal 2 [r publish "ch\r\n" $message]
            assert_equal [list message "ch\r\n" $message] [$a read]
            assert_equal [list message "ch\r\n" $message] [$b read]
        }
        $a close
        $b close
    }

    test "A pipeline of messages comes whole and in order, between replies of the receiver" {
        set c [redis_client]
        $c hello 3
        $c subscribe x
        set out ""
        for {set i 0} {$i < 1000} {incr i} { append out [resp::encode [list publish x $i]] }
        r write $out
        set mine ""
        for {set i 0} {$i < 200} {incr i} { append mine [resp::encode {ping}] }
        $c write $mine
        set pongs 0
        set next 0
        while {$pongs < 200 || $next < 1000} {
            set got [$c read]
            if {$got eq "PONG"} {
                incr pongs
            } else {
                assert_equal "message x $next" $got
                incr next
            }
        }
        for {set i 0} {$i < 1000} {incr i} { assert_equal 1 [r read] }
        $c close
    }

    test "A subscriber that is blocked in a command hears at once" {
        set c [redis_client]
        $c hello 3
        $c subscribe x
        $c send blpop list 0
        wait_until 1 10 {s blocked_clients}
        assert_equal 1 [r publish x now]
        assert_equal {message x now} [$c read]
        r rpush list v
        assert_equal {list v} [$c read]
        $c close
    } {redis8}

    test "Many subscribers of one channel" {
        set clients {}
        for {set i 0} {$i < 100} {incr i} {
            set c [redis_client]
            if {$i % 2} { $c hello 3 }
            $c subscribe crowd
            lappend clients $c
        }
        set message [string repeat m 2000]
        for {set i 0} {$i < 50} {incr i} { assert_equal 100 [r publish crowd "$i $message"] }
        foreach c $clients {
            for {set i 0} {$i < 50} {incr i} {
                assert_equal [list message crowd "$i $message"] [$c read]
            }
        }
        foreach c $clients { $c close }
        wait_until 0 10 {s pubsub_clients}
    } {redis8}
}

start_server {overrides {client-output-buffer-limit "pubsub 4mb 1mb 2"}} {
    test "A subscriber that does not read is cut off at the hard limit; others go on" {
        set slow [redis_client]
        set quick [redis_client]
        $slow subscribe x
        $quick subscribe x
        set message [string repeat m 500000]
        set before [s client_output_buffer_limit_disconnections]
        # The kernel buffers some megabytes as well.
        for {set i 0} {$i < 200 && [lindex [r pubsub numsub x] 1] == 2} {incr i} {
            r publish x $message
            assert_equal [list message x $message] [$quick read]
        }
        assert_equal 1 [lindex [r pubsub numsub x] 1]
        assert_equal [expr {$before + 1}] [s client_output_buffer_limit_disconnections]
        assert_equal 1 [r publish x after]
        assert_equal {message x after} [$quick read]
        $slow close
        $quick close
    } {redis8}

    test "The soft limit holds after its seconds" {
        set slow [redis_client]
        $slow subscribe y
        set message [string repeat m 500000]
        # Over the soft limit and under the hard one.
        for {set i 0} {$i < 200} {incr i} {
            regexp {name=\S* [^\n]* sub=1 [^\n]* omem=(\d+)} [r client list type pubsub] -> size
            if {$size > 1500000} { break }
            r publish y $message
        }
        assert_range $size 1500000 4000000
        assert_equal 1 [lindex [r pubsub numsub y] 1]
        wait_until 0 15 {lindex [r pubsub numsub y] 1}
        $slow close
    } {redis8}
}
