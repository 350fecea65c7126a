# BLPOP, BRPOP, BLMPOP, BLMOVE, BRPOPLPUSH, WAIT, WAITAOF, CLIENT UNBLOCK.

# A client that sent a blocking command and waits for it.
proc blocked_client {args} {
    set before [s blocked_clients]
    set c [redis_deferring_client]
    $c {*}$args
    $c flush
    wait_until [expr {$before + 1}] 10 {s blocked_clients}
    return $c
}

proc client_id {c} {
    $c client id
    return [$c read]
}

# As blocked_client; {client id}.
proc blocked_client_id {args} {
    set c [redis_deferring_client]
    set id [client_id $c]
    set before [s blocked_clients]
    $c {*}$args
    $c flush
    wait_until [expr {$before + 1}] 10 {s blocked_clients}
    return [list $c $id]
}

proc nobody_blocks {} {
    wait_until 0 10 {s blocked_clients}
}

start_server {} {
    test "Nothing blocks when there is something" {
        r rpush l a b c d e f
        r rpush l2 x
        assert_equal {l a} [r blpop l 0]
        assert_equal {l f} [r brpop l 0]
        assert_equal {l b} [r blpop none l l2 1]
        assert_equal {l {c d}} [r blmpop 0 2 none l left count 2]
        assert_equal e [r blmove l l2 right left 0]
        assert_equal x [r brpoplpush l2 l 0]
        assert_equal x [r lpop l]
        assert_equal e [r lpop l2]
        assert_equal 0 [r dbsize]
    }

    test "BLPOP and BRPOP wait for an element" {
        set c [blocked_client blpop l1 l2 0]
        r rpush l2 a
        assert_equal {l2 a} [$c read]
        $c brpop l1 l2 0
        $c flush
        wait_until 1 5 {s blocked_clients}
        r rpush l1 a b
        assert_equal {l1 b} [$c read]
        assert_equal a [r lpop l1]
        $c close
    }

    test "BLMPOP waits and takes several" {
        set c [blocked_client blmpop 0 2 l1 l2 right count 3]
        r rpush l2 a b c d
        assert_equal {l2 {d c b}} [$c read]
        r del l2
        $c close
    }

    test "BLMOVE and BRPOPLPUSH wait" {
        foreach {from to result} {left left {a x} left right {x a} right left {b x} right right {x b}} {
            r del src dst
            r rpush dst x
            set c [blocked_client blmove src dst $from $to 0]
            r rpush src a b
            assert_equal [expr {$from eq "left" ? "a" : "b"}] [$c read]
            assert_equal $result [r lrange dst 0 -1]
            $c close
        }
        r del src dst
        set c [blocked_client brpoplpush src dst 0]
        r rpush src a
        assert_equal a [$c read]
        assert_equal a [r lpop dst]
        $c close
        nobody_blocks
    }

    test "One push of several elements serves one client an element" {
        set c [blocked_client blpop l 0]
        assert_equal 3 [r lpush l a b c]
        assert_equal {l c} [$c read]
        assert_equal {b a} [r lrange l 0 -1]
        r del l
        $c close
    }

    test "The first to block is served first" {
        set clients {}
        for {set i 0} {$i < 5} {incr i} { lappend clients [blocked_client blpop l 0] }
        r rpush l 0 1 2 3 4 5
        set i 0
        foreach c $clients {
            assert_equal [list l $i] [$c read]
            $c close
            incr i
        }
        assert_equal 5 [r lpop l]
    }

    test "A thousand blocked clients are served in order" {
        set clients {}
        for {set i 0} {$i < 1000} {incr i} { lappend clients [redis_deferring_client] }
        set waiting 0
        foreach c $clients {
            $c blpop queue 0
            $c flush
            # Each is known to wait before the next one comes.
            incr waiting
            while {[info_field [r info clients] blocked_clients] < $waiting} {}
        }
        # Some one by one, some together, the rest in a transaction.
        set values {}
        for {set i 0} {$i < 1000} {incr i} { lappend values $i }
        foreach value [lrange $values 0 99] { r rpush queue $value }
        r rpush queue {*}[lrange $values 100 599]
        r multi
        foreach value [lrange $values 600 999] { r rpush queue $value }
        r exec
        assert_equal 0 [r exists queue]
        set i 0
        foreach c $clients {
            assert_equal [list queue $i] [$c read]
            $c close
            incr i
        }
        nobody_blocks
    }

    test "The first key in the order of arguments is served" {
        r del k1 k2 k3
        set c [blocked_client blpop k1 k2 k3 0]
        r multi
        r rpush k3 c
        r rpush k2 b
        r rpush k1 a
        r exec
        assert_equal {k1 a} [$c read]
        assert_equal {0 1 1} [list [r exists k1] [r exists k2] [r exists k3]]
        r del k2 k3
        $c close
    } redis8

    test "A key that is named twice" {
        set c [blocked_client blpop k k k 0]
        assert_equal 1 [s total_blocking_keys]
        r rpush k a
        assert_equal {k a} [$c read]
        r rpush k b
        assert_equal b [r lpop k]
        $c close
    } redis8

    test "A transaction is isolated from those that wait" {
        set c [blocked_client blpop k 0]
        r multi
        r lpush k a
        r del k
        r exec
        r multi
        r lpush k a
        r lpop k
        r lpush k b
        r exec
        assert_equal {k b} [$c read]
        set c2 [blocked_client blpop k 0]
        r multi
        r lpush k c
        r lpush k d
        r lpush k e
        r exec
        assert_equal {k e} [$c2 read]
        r del k
        $c close
        $c2 close
    }

    test "A pipeline serves after each command" {
        set c [blocked_client blpop k 0]
        set c2 [blocked_client blpop k 0]
        set writer [redis_deferring_client]
        $writer write "RPUSH k a\r\nLLEN k\r\nRPUSH k b\r\nLLEN k\r\nRPUSH k c\r\nLLEN k\r\n"
        foreach expected {1 0 1 0 1 1} { assert_equal $expected [$writer read] }
        assert_equal {{k a} {k b}} [list [$c read] [$c2 read]]
        r del k
        foreach each [list $c $c2 $writer] { $each close }
    }

    test "What a blocked client sent behind waits with it" {
        set c [redis_deferring_client]
        $c write "PING\r\nBLPOP k 0\r\nSET behind 1\r\nBLPOP k2 0\r\nINCR behind\r\n"
        assert_equal PONG [$c read]
        wait_until 1 5 {s blocked_clients}
        assert_equal 0 [r exists behind]
        r rpush k a
        assert_equal {k a} [$c read]
        assert_equal OK [$c read]
        wait_until 1 5 {s blocked_clients}
        r rpush k2 b
        assert_equal {k2 b} [$c read]
        assert_equal 2 [$c read]
        r del behind
        $c close
    }

    foreach {name prepare script} {
        RENAME {r rpush other a} {r rename other k}
        RENAMENX {r rpush other a} {r renamenx other k}
        COPY {r rpush other a} {r copy other k}
        MOVE {r select 1; r rpush k a; r select 0} {r select 1; r move k 0; r select 0}
        SWAPDB {r select 1; r rpush k a; r select 0} {r swapdb 0 1}
        LINSERT-after-LPUSH {} {r lpush k a}
        SORT-STORE {r rpush other a} {r sort other alpha store k}
        LMOVE {r rpush other a} {r lmove other k left left}
        RPOPLPUSH {r rpush other a} {r rpoplpush other k}
        BLMOVE {r rpush other a} {r blmove other k left left 0}
        DEL-and-LPUSH {} {r multi; r del k; r lpush k a; r exec}
        RESTORE {r rpush other a; set dump [r dump other]; r del other} {r restore k 0 $dump}
    } {
        test "Woken by $name" {
            r flushall
            eval $prepare
            set c [blocked_client blpop k 0]
            eval $script
            assert_equal {k a} [$c read]
            $c close
            nobody_blocks
            r select 0
        }
    }

    test "Another type does not wake" {
        r flushall
        set c [blocked_client blpop k 0]
        r set k text
        r del k
        r sadd k a
        r del k
        r zadd k 1 a
        assert_equal 1 [s blocked_clients]
        r del k
        r rpush k a
        assert_equal {k a} [$c read]
        $c close
    }

    test "Another type is an error at once" {
        r flushall
        r set s text
        assert_error "WRONGTYPE *" {r blpop s 0}
        assert_error "WRONGTYPE *" {r blpop none s 0}
        assert_error "WRONGTYPE *" {r blmove s d left left 0}
        assert_error "WRONGTYPE *" {r blmpop 0 1 s left}
        r rpush l a
        assert_error "WRONGTYPE *" {r brpoplpush l s 0}
        assert_equal {a} [r lrange l 0 -1]
    }

    test "A wrong destination is an error when the source is there" {
        r flushall
        r set dst text
        set c [blocked_client brpoplpush src dst 0]
        set c2 [blocked_client brpoplpush src dst2 0]
        r rpush src a
        assert_error "WRONGTYPE *" {$c read}
        assert_equal a [$c2 read]
        assert_equal 0 [r exists src]
        $c close
        $c2 close
    }

    test "Moves that feed each other" {
        r flushall
        set c1 [blocked_client brpoplpush a b 0]
        set c2 [blocked_client brpoplpush b c 0]
        set c3 [blocked_client blmove c d left right 0]
        set c4 [blocked_client blpop d 0]
        r rpush a x
        foreach c [list $c1 $c2 $c3] { assert_equal x [$c read] }
        assert_equal {d x} [$c4 read]
        assert_equal 0 [r dbsize]
        foreach c [list $c1 $c2 $c3 $c4] { $c close }
    }

    test "Circular and self-referential BRPOPLPUSH" {
        set c1 [blocked_client brpoplpush a b 0]
        set c2 [blocked_client brpoplpush b a 0]
        r rpush a x
        assert_equal {x x} [list [$c1 read] [$c2 read]]
        assert_equal {x 0} [list [r lpop a] [r exists b]]
        set c [blocked_client brpoplpush a a 0]
        r rpush a 1
        assert_equal 1 [$c read]
        assert_equal 1 [r lpop a]
        foreach each [list $c $c1 $c2] { $each close }
    }

    test "WATCH is told of what a blocked client took, not that it waits" {
        r flushall
        set watcher [redis_client]
        $watcher watch dst
        set c [blocked_client brpoplpush src dst 0]
        $watcher multi
        $watcher ping
        assert_equal PONG [$watcher exec]
        $watcher watch dst
        r rpush src a
        assert_equal a [$c read]
        $watcher multi
        $watcher ping
        assert_equal {} [$watcher exec]
        $watcher close
        $c close
    }

    test "A client waits in its own database" {
        r flushall
        set c [redis_deferring_client]
        $c select 3
        assert_equal OK [$c read]
        $c blpop k 0
        $c flush
        wait_until 1 5 {s blocked_clients}
        r rpush k zero
        r select 3
        r rpush k three
        r select 0
        assert_equal {k three} [$c read]
        $c close
    }
}

start_server {} {
    test "Timeouts, in milliseconds, and not early" {
        foreach {seconds command} {
            0.05 {blpop k 0.05} 0.05 {brpop k k2 0.05} 0.1 {blmpop 0.1 1 k left}
            0.1 {blmove k k2 left left 0.1} 0.05 {brpoplpush k k2 0.05} 1 {blpop k 1}
        } {
            set start [clock milliseconds]
            r send {*}$command
            assert_equal "*-1\r\n" [[srv client] raw] $command
            assert {[clock milliseconds] - $start >= $seconds * 1000} $command
        }
        assert_equal 0 [s clients_in_timeout_table]
    }

    test "A timeout is far more precise than cron" {
        r config set hz 1
        set best 1000000
        for {set i 0} {$i < 10} {incr i} {
            set start [clock milliseconds]
            r blpop k 0.02
            set took [expr {[clock milliseconds] - $start}]
            if {$took < $best} { set best $took }
        }
        r config set hz 10
        assert_range $best 20 90
    } sluice

    test "A timeout over RESP3 is a null" {
        set c [redis_client]
        $c hello 3
        $c send blpop k 0.01
        assert_equal "_\r\n" [$c raw]
        $c close
    }

    test "Timeouts that are none" {
        foreach {timeout error} {
            -1 {ERR timeout is negative} -0.5 {ERR timeout is negative}
            abc {ERR timeout is not a float or out of range} {} {ERR timeout is not a float or out of range}
            nan {ERR timeout is not a float or out of range}
        } {
            foreach command {{blpop k} {brpop k j} {blmove a b left left} {brpoplpush a b}} {
                assert_error $error {r {*}$command $timeout}
            }
            assert_error $error {r blmpop $timeout 1 k left}
        }
    }

    test "Timeouts beyond what there is" {
        foreach timeout {9223372036854775807 9223372036854775.807 1e300 inf 0x7FFFFFFFFFFFFFFF} {
            assert_error "ERR timeout is out of range" {r blpop k $timeout}
        }
        set c [blocked_client blpop k 0x7FFFFFFFFF]
        r rpush k a
        assert_equal {k a} [$c read]
        $c close
    } redis8

    test "Arguments of BLMPOP and BLMOVE" {
        assert_error "ERR wrong number of arguments*" {r blmpop 0 1 k}
        assert_error "ERR numkeys should be greater than 0" {r blmpop 1 0 k left}
        assert_error "ERR numkeys should be greater than 0" {r blmpop 1 a k left}
        assert_error "ERR syntax error" {r blmpop 1 2 k left}
        assert_error "ERR syntax error" {r blmpop 1 1 k bad}
        assert_error "ERR syntax error" {r blmpop 1 1 k left bad 1}
        assert_error "ERR syntax error" {r blmpop 1 1 k left count 1 count 2}
        assert_error "ERR count should be greater than 0" {r blmpop 1 1 k left count 0}
        assert_error "ERR syntax error" {r blmove a b bad left 1}
        assert_error "ERR wrong number of arguments*" {r blmove a b left left}
        assert_error "ERR wrong number of arguments*" {r blpop k}
    }

    test "CLIENT UNBLOCK answers as a timeout or with an error" {
        foreach {how expected} {{} *-1\r\n timeout *-1\r\n error "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"} {
            lassign [blocked_client_id blpop k 0] c id
            assert_equal 1 [r client unblock $id {*}$how]
            assert_equal $expected [$c raw]
            $c ping
            assert_equal PONG [$c read]
            assert_equal 0 [r client unblock $id]
            $c close
        }
        nobody_blocks
        assert_equal 0 [r client unblock 999999]
        assert_error "ERR *integer*" {r client unblock abc}
        assert_error "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR" {r client unblock 1 bad}
    }

    test "Who waits for CLIENT PAUSE is not unblocked" {
        set c [redis_deferring_client]
        set id [client_id $c]
        r client pause 60000 write
        $c set x 1
        $c flush
        wait_until 1 5 {s blocked_clients}
        assert_equal 0 [r client unblock $id]
        r client unpause
        assert_equal OK [$c read]
        $c close
    } redis8

    test "CLIENT KILL of a blocked client" {
        lassign [blocked_client_id blpop k 0] c id
        set c2 [blocked_client blpop k 0]
        assert_equal 1 [r client kill id $id]
        assert_equal 1 [$c eof]
        r rpush k a
        assert_equal {k a} [$c2 read]
        assert_equal 0 [r exists k]
        $c close
        $c2 close
        nobody_blocks
        assert_equal 0 [s clients_in_timeout_table]
    }

    test "redis#15594, valkey#4212: clients freed while a list of those that wait is walked" {
        set clients {}
        for {set i 0} {$i < 20} {incr i} {
            lassign [blocked_client_id blpop k other$i 0] c id
            lappend clients $c
            lappend ids $id
        }
        # In one transaction half of them are killed, and then elements come for all.
        r multi
        foreach {kill keep} $ids { r client kill id $kill }
        for {set i 0} {$i < 20} {incr i} { r rpush k $i }
        foreach {kill keep} $ids { r client kill id $kill }
        r exec
        set expected 0
        foreach {killed kept} $clients {
            assert_equal 1 [$killed eof]
            assert_equal [list k $expected] [$kept read]
            incr expected
        }
        assert_equal 10 [r llen k]
        r del k
        foreach c $clients { $c close }
        nobody_blocks
        wait_until 0 5 {s total_blocking_keys}
        unset ids
    } redis8

    test "Hostile: clients that wait for each other's keys are killed while they are served" {
        set clients {}
        for {set i 0} {$i < 30} {incr i} {
            lassign [blocked_client_id brpoplpush chain$i chain[expr {$i + 1}] 0] c id
            lappend clients $c
            lappend ids $id
        }
        r multi
        r client kill id [lindex $ids 10]
        r rpush chain0 x
        r client kill id [lindex $ids 20]
        r exec
        for {set i 0} {$i < 10} {incr i} { assert_equal x [[lindex $clients $i] read] }
        assert_equal x [r lpop chain10]
        r rpush chain21 y
        for {set i 21} {$i < 30} {incr i} { assert_equal y [[lindex $clients $i] read] }
        r del chain30
        foreach c $clients { $c close }
        nobody_blocks
        wait_until 0 5 {s total_blocking_keys}
    } redis8

    test "CVE-2026-23479: a blocked client's command finds no memory when it is run again" {
        r flushall
        set c [blocked_client blmove src dst left left 0]
        set c2 [blocked_client blpop src 0]
        r config set maxmemory-policy noeviction
        r multi
        r rpush src a
        r config set maxmemory 1
        r exec
        assert_error "OOM *" {$c read}
        assert_equal {src a} [$c2 read]
        r config set maxmemory 0
        assert_equal PONG [$c ping][$c read]
        $c close
        $c2 close
        nobody_blocks
    } redis8

    test "CVE-2026-23479: the key of a blocked client is evicted while its command is run again" {
        r flushall
        set c [blocked_client blmove src dst left left 0]
        r multi
        r rpush src a
        r config set maxmemory-policy allkeys-random
        r config set maxmemory 1
        r exec
        catch {$c timeout 300}
        catch {$c read} result
        r config set maxmemory 0
        r config set maxmemory-policy noeviction
        assert_equal PONG [r ping]
        $c close
        nobody_blocks
        r flushall
    } sluice

    test "A blocked client that closes is forgotten" {
        set c [blocked_client blpop k1 k2 k3 100]
        assert_equal 3 [s total_blocking_keys]
        assert_equal 1 [s clients_in_timeout_table]
        $c close
        nobody_blocks
        wait_until 0 5 {s total_blocking_keys}
        assert_equal 0 [s clients_in_timeout_table]
        r rpush k1 a
        assert_equal a [r lpop k1]
    } redis8

    test "INFO counts keys once, clients with a timeout, and none at the end" {
        set a [blocked_client blpop k1 k2 0]
        set b [blocked_client blpop k2 k3 10]
        assert_equal {2 3 1 0} [list [s blocked_clients] [s total_blocking_keys] \
            [s clients_in_timeout_table] [s total_blocking_keys_on_nokey]]
        set flags [regexp -all {flags=b } [r client list]]
        assert_equal 2 $flags
        r rpush k2 x y
        assert_equal {{k2 x} {k2 y}} [list [$a read] [$b read]]
        assert_equal {0 0 0} [list [s blocked_clients] [s total_blocking_keys] \
            [s clients_in_timeout_table]]
        $a close
        $b close
    } redis8

    test "A blocked command is counted once, when it ends" {
        r config resetstat
        set c [blocked_client blpop k 0]
        assert_equal {} [info_field [r info commandstats] cmdstat_blpop]
        r rpush k a
        $c read
        assert_match "calls=1,*" [info_field [r info commandstats] cmdstat_blpop]
        $c blpop k 0.01
        $c read
        assert_match "calls=2,*failed_calls=0" [info_field [r info commandstats] cmdstat_blpop]
        set id [client_id $c]
        $c blpop k 0
        $c flush
        wait_until 1 5 {s blocked_clients}
        r client unblock $id error
        catch {$c read}
        assert_match "calls=3,*failed_calls=1" [info_field [r info commandstats] cmdstat_blpop]
        assert_match "count=1" [info_field [r info errorstats] errorstat_UNBLOCKED]
        $c close
    } redis8

    test "CLIENT REPLY SKIP and OFF hold for a blocked command" {
        set c [redis_deferring_client]
        $c client reply skip
        $c blpop k 0
        $c ping
        $c flush
        wait_until 1 5 {s blocked_clients}
        r rpush k a
        assert_equal PONG [$c read]
        $c client reply off
        $c blpop k 0.01
        $c client reply on
        assert_equal OK [$c read]
        $c close
    }

    test "A pause holds back what would be served" {
        set c [blocked_client blpop k 0]
        r multi
        r client pause 60000 write
        r rpush k a
        r exec
        assert_equal 1 [r llen k]
        r client unpause
        assert_equal {k a} [$c read]
        $c close
        nobody_blocks
    } redis8

    test "A timeout ends while clients are paused" {
        set c [blocked_client blpop k 2]
        r client pause 60000 write
        assert_equal {} [$c read]
        r client unpause
        $c close
    }

    test "The idle timeout spares who waits" {
        r config set timeout 1
        set c [blocked_client blpop k 2.5]
        wait_until 0 20 {s blocked_clients}
        assert_equal {} [$c read]
        $c ping
        assert_equal PONG [$c read]
        r config set timeout 0
        $c close
        reconnect
    }

    test "WAIT without replicas" {
        assert_equal 0 [r wait 0 0]
        assert_equal 0 [r wait -1 100]
        set start [clock milliseconds]
        assert_equal 0 [r wait 1 50]
        assert {[clock milliseconds] - $start >= 50}
        assert_error "ERR timeout is negative" {r wait 1 -1}
        assert_error "ERR timeout is not an integer or out of range" {r wait 1 0.5}
        assert_error "ERR value is not an integer or out of range" {r wait x 1}
        lassign [blocked_client_id wait 1 0] c id
        assert_equal 1 [r client unblock $id]
        assert_equal 0 [$c read]
        $c close
    }

    test "WAITAOF without replicas and without an append-only file" {
        assert_error "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled." {r waitaof 1 0 0}
        assert_error "ERR value is out of range, value must between 0 and 1" {r waitaof 2 0 0}
        assert_error "ERR value is out of range, must be positive" {r waitaof 0 -1 0}
        assert_error "ERR timeout is negative" {r waitaof 0 0 -1}
        assert_equal {0 0} [r waitaof 0 0 0]
        assert_equal {0 0} [r waitaof 0 1 20]
    } redis8

    test "Many keys in one command" {
        set keys {}
        for {set i 0} {$i < 20000} {incr i} { lappend keys key$i }
        set c [blocked_client blpop {*}$keys 0]
        assert_equal 20000 [s total_blocking_keys]
        r rpush key12345 a
        assert_equal {key12345 a} [$c read]
        assert_equal 0 [s total_blocking_keys]
        $c close
    } redis8
}
