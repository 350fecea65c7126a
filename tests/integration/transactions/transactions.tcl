# MULTI, EXEC, DISCARD, WATCH, UNWATCH.

proc client_field {c field} {
    regexp "(?:^| )$field=(\\S*)" [$c client info] -> value
    return $value
}

# A key that is over MS later, watched: in one write, so that it is not over before that.
proc set_and_watch {c ms} {
    $c write "[resp::encode [list set x 1 px $ms]][resp::encode {watch x}]"
    assert_equal {OK OK} [list [$c read] [$c read]]
}

start_server {} {
    test "MULTI and EXEC run the commands in order" {
        r del l
        assert_equal OK [r multi]
        assert_equal QUEUED [r rpush l a]
        assert_equal QUEUED [r rpush l b]
        assert_equal QUEUED [r lrange l 0 -1]
        assert_equal {1 2 {a b}} [r exec]
        assert_error "ERR EXEC without MULTI" {r exec}
    }

    test "Only commands end a transaction, no subcommands of their names" {
        r multi
        assert_equal QUEUED [r slowlog reset]
        assert_equal QUEUED [r latency reset]
        assert_equal {OK 0} [r exec]
    }

    test "DISCARD drops the commands" {
        r set x 1
        r multi
        r incr x
        assert_equal OK [r discard]
        assert_equal 1 [r get x]
        assert_error "ERR DISCARD without MULTI" {r discard}
    }

    test "An empty transaction" {
        r multi
        assert_equal {} [r exec]
        r multi
        r send exec
        assert_equal "*0\r\n" [[srv client] raw]
    } sluice

    test "Nested MULTI and WATCH inside MULTI are errors, and no more" {
        r multi
        assert_error "ERR MULTI calls can not be nested" {r multi}
        assert_error "ERR WATCH inside MULTI is not allowed" {r watch x}
        r ping
        assert_equal PONG [r exec]
    }

    test "A refused command aborts the transaction" {
        foreach bad {{get} {bogus x} {client bogus} {set}} {
            r set x 1
            r multi
            r incr x
            assert_error "ERR *" {r {*}$bad}
            assert_equal QUEUED [r incr x]
            assert_error "EXECABORT Transaction discarded because of previous errors." {r exec}
            assert_equal 1 [r get x]
        }
        assert_equal PONG [r ping]
    }

    test "An error while it runs aborts nothing" {
        r del x l
        r rpush l a
        r multi
        r set x 1
        r incr l
        r incr x
        r send exec
        assert_match "*3\r\n+OK\r\n-WRONGTYPE *\r\n:2\r\n" [[srv client] raw]
    }

    test "EXEC with arguments ends the transaction" {
        r multi
        r ping
        assert_error "EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command" {r exec foo}
        assert_error "ERR EXEC without MULTI" {r exec}
    }

    test "A command that must not run in a transaction is refused" {
        r multi
        assert_error "ERR Command not allowed inside a transaction" {r shutdown}
        assert_error "EXECABORT *" {r exec}
    }

    test "Commands that were refused by EXEC's flags count as such" {
        r config resetstat
        r multi
        catch {r get}
        catch {r exec}
        assert_match "*rejected_calls=1*" [info_field [r info commandstats] cmdstat_get]
        assert_match "calls=1,*failed_calls=1" [info_field [r info commandstats] cmdstat_exec]
    }

    test "EXEC and the commands in it are counted, each once" {
        r config resetstat
        r multi
        r set x 1
        r incr x
        r incr x
        r exec
        set stats [r info commandstats]
        assert_match "calls=1,*" [info_field $stats cmdstat_exec]
        assert_match "calls=1,*" [info_field $stats cmdstat_multi]
        assert_match "calls=1,*" [info_field $stats cmdstat_set]
        assert_match "calls=2,*" [info_field $stats cmdstat_incr]
    }

    test "The slow log has what EXEC ran, not EXEC" {
        r config set slowlog-log-slower-than 0
        r slowlog reset
        r multi
        r set x 1
        r get x
        r exec
        r config set slowlog-log-slower-than 10000
        set commands {}
        foreach entry [r slowlog get 20] { lappend commands [lindex $entry 3 0] }
        assert {"get" in $commands && "set" in $commands}
        assert {"exec" ni $commands}
    }

    test "SELECT inside a transaction moves the client" {
        r select 0
        r del x
        r multi
        r set x zero
        r select 9
        r set x nine
        assert_equal {OK OK OK} [r exec]
        assert_equal nine [r get x]
        r del x
        r select 0
        assert_equal zero [r get x]
    }

    test "HELLO inside a transaction changes the protocol of what follows" {
        set c [redis_client]
        $c del h
        $c hset h f v
        $c multi
        $c hgetall h
        $c hello 3
        $c hgetall h
        $c send exec
        set bytes [$c raw]
        assert_match "*3\r\n*2\r\n\$1\r\nf\r\n\$1\r\nv\r\n%7\r\n*%1\r\n\$1\r\nf\r\n\$1\r\nv\r\n" $bytes
        $c close
    }

    test "EXEC over RESP3: nil is a null" {
        set c [redis_client]
        $c hello 3
        $c watch x
        r set x 2
        $c multi
        $c ping
        $c send exec
        assert_equal "_\r\n" [$c raw]
        $c close
    }

    test "RESET ends a transaction and forgets watched keys" {
        set c [redis_client]
        $c watch x
        r set x 3
        $c multi
        $c set x 4
        assert_equal RESET [$c reset]
        assert_error "ERR EXEC without MULTI" {$c exec}
        assert_equal 0 [client_field $c watch]
        assert_equal 3 [$c get x]
        $c close
    } redis8

    test "QUIT inside a transaction is obeyed" {
        set c [redis_client]
        r set x 3
        $c multi
        $c set x 5
        assert_equal OK [$c quit]
        assert_equal 1 [$c eof]
        assert_equal 3 [r get x]
        $c close
    }

    test "A client that closes in the middle runs nothing" {
        set c [redis_client]
        set id [$c client id]
        $c watch x
        $c multi
        $c set x 6
        $c close
        wait_until {} 5 {r client list id $id}
        assert_equal 3 [r get x]
        assert_equal 0 [s watching_clients]
    } redis8

    test "Blocking commands inside a transaction do not block" {
        r del l z
        r multi
        r blpop l 0
        r brpop l 0
        r blmove l l left right 0
        r brpoplpush l l 0
        r blmpop 0 1 l left
        r bzpopmin z 0
        r bzpopmax z 0
        r bzmpop 0 1 z min
        r wait 1 0
        r send exec
        assert_equal "*9\r\n*-1\r\n*-1\r\n\$-1\r\n\$-1\r\n*-1\r\n*-1\r\n*-1\r\n*-1\r\n:0\r\n" \
            [[srv client] raw]
        r rpush l a
        r multi
        r blpop l 0
        assert_equal {{l a}} [r exec]
    }

    test "CLIENT REPLY OFF, ON and SKIP around a transaction" {
        set c [redis_client]
        $c send client reply off
        $c send multi
        $c send set x off
        $c send exec
        assert_equal OK [$c client reply on]
        assert_equal off [$c get x]
        $c send client reply skip
        $c send multi
        assert_equal QUEUED [$c ping]
        assert_equal PONG [$c exec]
        $c close
    }

    test "CLIENT PAUSE inside a transaction takes effect after it" {
        set c [redis_deferring_client]
        r multi
        r client pause 60000 write
        r set x paused
        assert_equal {OK OK} [r exec]
        $c set x later
        $c flush
        wait_until 1 5 {s blocked_clients}
        assert_equal paused [r get x]
        r client unpause
        assert_equal OK [$c read]
        $c close
    }

    test "A transaction that writes waits for the end of a pause, one that reads does not" {
        set writer [redis_deferring_client]
        set reader [redis_client]
        $writer multi
        $reader multi
        $reader get x
        assert_equal OK [$writer read]
        r client pause 60000 write
        $writer set x written
        $writer exec
        $writer flush
        wait_until 1 5 {s blocked_clients}
        assert_equal later [$reader exec]
        assert_equal later [r get x]
        r client unpause
        assert_equal QUEUED [$writer read]
        assert_equal OK [$writer read]
        assert_equal written [r get x]
        $reader close
        $writer close
    }

    test "Hostile: CLIENT KILL inside EXEC, of itself, of others, of all" {
        set victims {}
        for {set i 0} {$i < 5} {incr i} {
            set victim [redis_client]
            $victim watch x
            $victim multi
            $victim set x never
            lappend victims $victim
        }
        set c [redis_client]
        set id [$c client id]
        $c multi
        $c client kill id $id skipme no
        $c incr killed
        assert_equal {1 1} [$c exec]
        assert_equal 1 [$c eof]
        $c close
        wait_until 6 5 {llength [split [string trim [r client list]] \n]}
        set c [redis_client]
        $c multi
        $c set x killed
        $c client kill type normal skipme no
        $c get x
        assert_equal {OK 7 killed} [$c exec]
        assert_equal 1 [$c eof]
        foreach victim $victims {
            assert_equal 1 [$victim eof]
            $victim close
        }
        $c close
        reconnect
        assert_equal killed [r get x]
        wait_until 1 5 {llength [split [string trim [r client list]] \n]}
        assert_equal 0 [s watching_clients]
    } redis8

    test "CLIENT LIST and INFO tell of transactions and watched keys" {
        set c [redis_client]
        assert_equal -1 [client_field $c multi]
        $c watch a b b c
        $c select 1
        $c watch a
        assert_equal 4 [client_field $c watch]
        set id [$c client id]
        $c multi
        set line [r client list id $id]
        assert_match "* multi=0 watch=4 *" $line
        assert_match "* flags=x *" $line
        $c set k [string repeat v 5000]
        set line [r client list id $id]
        regexp {multi=1 .* multi-mem=(\d+)} $line -> memory
        assert_range $memory 5000 6000
        assert_equal 1 [s watching_clients]
        assert_equal 4 [s total_watched_keys]
        $c exec
        $c select 0
        $c unwatch
        assert_equal 0 [s watching_clients]
        assert_equal 0 [s total_watched_keys]
        $c close
    } redis8

    test "A large argument arrives whole" {
        set value [string repeat "0123456789" 20000]
        r multi
        r set big $value
        r append big x
        r set big2 $value
        r discard
        r multi
        r set big $value
        r strlen big
        r get big
        assert_equal [list OK 200000 $value] [r exec]
        r del big
    }

    test "A pipeline of transactions" {
        set c [redis_deferring_client]
        r set n 0
        for {set i 0} {$i < 200} {incr i} {
            $c multi
            $c incr n
            $c incr n
            $c exec
        }
        for {set i 0} {$i < 200} {incr i} {
            assert_equal OK [$c read]
            assert_equal QUEUED [$c read]
            assert_equal QUEUED [$c read]
            assert_equal [list [expr {$i * 2 + 1}] [expr {$i * 2 + 2}]] [$c read]
        }
        $c close
    }
}

start_server {} {
    proc watch_then {watched script {prepare {}}} {
        r flushall
        uplevel 1 $prepare
        set c [redis_client]
        $c watch {*}$watched
        uplevel 1 $script
        $c multi
        $c ping
        set result [$c exec]
        $c close
        return $result
    }

    foreach {name script} {
        SET {r set x 2} DEL {r del x} UNLINK {r unlink x} EXPIRE {r expire x 100} INCR {r incr x}
        RENAME-from {r rename x y} RENAME-to {r set y 1; r rename y x} APPEND {r append x 1}
        FLUSHALL {r flushall} FLUSHDB {r flushdb} MOVE {r move x 1} GETDEL {r getdel x}
        GETEX {r getex x ex 100} SETRANGE {r setrange x 0 9} COPY {r set y 1; r copy y x replace}
        SWAPDB {r swapdb 0 5} FLUSHALL-ASYNC {r flushall async} SETBIT {r setbit x 0 1}
        MSET {r mset a 1 x 2} LPUSH {r del x; r lpush x a} PFADD {r del x; r pfadd x a}
        SORT-STORE {r rpush s 2 1; r sort s store x} EXPIREAT-past {r expireat x 1}
        SUNIONSTORE {r sadd t a; r sunionstore x t} BITOP {r set y a; r bitop not x y}
        TRANSACTION {r multi; r set x 3; r exec} same-value {r set x 1}
    } {
        test "WATCH is told of $name" {
            assert_equal {} [watch_then x $script {r set x 1}]
        }
    }

    foreach {name prepare script} {
        RPUSH {r rpush x a} {r rpush x b}
        LPOP {r rpush x a b} {r lpop x}
        LSET {r rpush x a} {r lset x 0 b}
        LTRIM {r rpush x a b} {r ltrim x 0 0}
        LREM {r rpush x a b} {r lrem x 0 a}
        LINSERT {r rpush x a b} {r linsert x before b c}
        LMOVE-from {r rpush x a b} {r lmove x y left left}
        LMOVE-to {r rpush x a; r rpush y a} {r lmove y x left left}
        SADD {r sadd x a} {r sadd x b}
        SREM {r sadd x a b} {r srem x a}
        SPOP {r sadd x a b} {r spop x}
        SMOVE {r sadd x a b} {r smove x y a}
        ZADD {r zadd x 1 a} {r zadd x 2 a}
        ZINCRBY {r zadd x 1 a} {r zincrby x 1 a}
        ZPOPMIN {r zadd x 1 a 2 b} {r zpopmin x}
        ZREM {r zadd x 1 a 2 b} {r zrem x a}
        ZRANGESTORE {r zadd y 1 a 2 b} {r zrangestore x y 0 -1}
        HSET {r hset x f v} {r hset x g v}
        HDEL {r hset x f v g v} {r hdel x f}
        HINCRBY {r hset x f 1} {r hincrby x f 1}
        PERSIST {r set x 1 ex 100} {r persist x}
    } {
        test "WATCH is told of $name" {
            assert_equal {} [watch_then x $script $prepare]
        }
    }

    foreach {name script} {
        GET {r get x} {another key} {r set y 1} {a SET that fails} {r set x 2 nx}
        {a DEL of nothing} {r del nothing} {the same name elsewhere} {r select 1; r set x 2; r select 0}
        TOUCH {r touch x} {a WRONGTYPE} {catch {r lpush x a}}
        {SWAPDB of others} {r swapdb 3 4} {FLUSHDB of another} {r select 4; r flushdb; r select 0}
        {CONFIG RESETSTAT} {r config resetstat} PERSIST {r persist x}
    } {
        test "WATCH is not told of $name" {
            assert_equal PONG [watch_then x $script {r set x 1}]
        }
    }

    test "WATCH of a missing key is told when it comes, not when nothing is flushed" {
        assert_equal {} [watch_then gone {r set gone 1}]
        assert_equal PONG [watch_then gone {r flushall}]
        assert_equal PONG [watch_then gone {r flushdb}]
        assert_equal PONG [watch_then gone {r swapdb 0 1}]
        assert_equal {} [watch_then gone {r swapdb 0 1} {r select 1; r set gone 1; r select 0}]
    }

    test "Several watched keys, the last one changes" {
        assert_equal {} [watch_then {a b c d e} {r set e 1}]
        assert_equal PONG [watch_then {a b c d e} {r set f 1}]
    }

    test "WATCH holds for the database it was given in" {
        r flushall
        set c [redis_client]
        $c select 5
        $c watch x
        $c select 0
        r set x 1
        $c multi
        $c ping
        assert_equal PONG [$c exec]
        $c select 5
        $c watch x
        $c select 0
        r select 5
        r set x 1
        r select 0
        $c multi
        $c ping
        assert_equal {} [$c exec]
        $c close
    }

    test "UNWATCH, EXEC and DISCARD forget what was watched" {
        set c [redis_client]
        foreach forget {unwatch discard exec} {
            $c watch x
            if {$forget ne "unwatch"} { $c multi }
            $c $forget
            r set x 2
            $c multi
            $c ping
            assert_equal PONG [$c exec]
        }
        $c watch x
        r set x 3
        $c unwatch
        $c multi
        $c ping
        assert_equal PONG [$c exec]
        $c close
    }

    test "A failed EXEC does not spoil the next one" {
        set c [redis_client]
        $c watch x
        r set x 4
        $c multi
        $c ping
        assert_equal {} [$c exec]
        $c multi
        $c ping
        assert_equal PONG [$c exec]
        $c close
    }

    test "The client's own writes count between WATCH and MULTI, not inside" {
        set c [redis_client]
        $c watch x
        $c set x mine
        $c multi
        $c ping
        assert_equal {} [$c exec]
        $c watch x
        $c multi
        $c set x 5
        $c set x 6
        assert_equal {OK OK} [$c exec]
        $c close
    }

    test "After a change nothing more is watched" {
        set c [redis_client]
        $c watch x y
        assert_equal 2 [client_field $c watch]
        r set x 7
        assert_equal 0 [client_field $c watch]
        assert_equal OK [$c watch z]
        assert_equal 0 [client_field $c watch]
        $c multi
        $c ping
        assert_equal {} [$c exec]
        $c close
    } redis8

    test "A watched key that expires spoils EXEC, deleted or not" {
        r debug set-active-expire 0
        foreach meet {0 1} {
            r flushall
            set c [redis_client]
            set_and_watch $c 300
            if {$meet} { wait_until -2 5 {r pttl x} } else { resp::pause_ms 350 }
            $c multi
            $c ping
            assert_equal {} [$c exec]
            $c close
        }
        r debug set-active-expire 1
    } sluice

    test "A key that had expired before WATCH spoils nothing when it goes" {
        r flushall
        r debug set-active-expire 0
        r set x 1 px 1
        resp::pause_ms 20
        set c [redis_client]
        $c watch x
        assert_equal {} [r get x]
        $c multi
        $c ping
        assert_equal PONG [$c exec]
        # Not met by anybody, flushed, swapped: no change either.
        foreach script {{} {r flushall} {r flushdb} {r swapdb 0 9}} {
            r set x 1 px 1
            resp::pause_ms 20
            $c watch x
            eval $script
            $c multi
            $c ping
            assert_equal PONG [$c exec] $script
        }
        # But that it is set again is one.
        r set x 1 px 1
        resp::pause_ms 20
        $c watch x
        r set x 2
        $c multi
        $c ping
        assert_equal {} [$c exec]
        $c close
        r debug set-active-expire 1
    }

    test "Active expiry spoils EXEC" {
        r flushall
        set c [redis_client]
        set_and_watch $c 300
        wait_until 0 10 {r dbsize}
        $c multi
        $c ping
        assert_equal {} [$c exec]
        $c close
    }

    test "Eviction spoils EXEC" {
        r flushall
        r config set maxmemory-policy allkeys-random
        r set x [string repeat x 100]
        set c [redis_client]
        $c watch x
        r config set maxmemory 1
        wait_until 0 10 {r dbsize}
        r config set maxmemory 0
        r config set maxmemory-policy noeviction
        $c multi
        $c ping
        assert_equal {} [$c exec]
        $c close
    }

    test "Many clients watch the same keys; one change tells them all" {
        set clients {}
        for {set i 0} {$i < 50} {incr i} {
            set c [redis_client]
            $c watch shared own$i
            lappend clients $c
        }
        r set shared 1
        foreach c $clients {
            $c multi
            $c ping
            assert_equal {} [$c exec]
        }
        foreach c $clients { $c watch shared own }
        assert_equal 2 [s total_watched_keys]
        assert_equal 50 [s watching_clients]
        foreach c $clients { $c close }
        wait_until 0 5 {s watching_clients}
        assert_equal 0 [s total_watched_keys]
    } redis8
}

start_server {} {
    test "Queueing without memory is refused and aborts" {
        set c [redis_client]
        $c multi
        $c ping
        r config set maxmemory 1
        assert_error "OOM *" {$c get x}
        assert_error "OOM *" {$c set x 1}
        r config set maxmemory 0
        assert_error "EXECABORT *previous errors." {$c exec}
        $c close
    }

    test "EXEC without memory is refused only when a command needs some" {
        set reader [redis_client]
        set writer [redis_client]
        $reader multi
        $reader get x
        $writer multi
        $writer set x 1
        r config set maxmemory 1
        assert_equal {{}} [$reader exec]
        assert_error "EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'." {$writer exec}
        $reader multi
        assert_equal OK [$reader discard]
        $writer multi
        assert_equal RESET [$writer reset]
        r config set maxmemory 0
        assert_error "ERR EXEC without MULTI" {$writer exec}
        $reader close
        $writer close
    }

    test "A transaction larger than client-query-buffer-limit is the end of its client" {
        r config set client-query-buffer-limit 2000000
        set mark [log_size]
        set c [redis_deferring_client]
        $c multi
        set value [string repeat v 100000]
        for {set i 0} {$i < 30} {incr i} { catch {$c set x $value; $c flush} }
        wait_for_log $mark "*Closing client that reached max query buffer length*"
        assert_equal {} [r get x]
        catch {$c close}
        r config set client-query-buffer-limit 1gb
        assert_equal 1 [s client_query_buffer_limit_disconnections]
    } sluice
}

start_server {overrides {requirepass secret}} {
    test "MULTI and EXEC want authentication" {
        set c [redis_client]
        assert_error "NOAUTH *" {$c multi}
        assert_error "NOAUTH *" {$c watch x}
        assert_error "EXECABORT Transaction discarded because of: NOAUTH Authentication required." {$c exec}
        $c auth secret
        $c multi
        $c set x 1
        assert_equal OK [$c exec]
        $c multi
        $c set x 2
        $c reset
        assert_error "EXECABORT *" {$c exec}
        assert_equal 1 [r get x]
        $c close
    }
}

start_server {} {
    test "redis#15094: CLIENT KILL of itself inside EXEC with SSUBSCRIBE" {
        foreach {subscribe answer} {
            subscribe {subscribe a 1} psubscribe {psubscribe a 1}
            ssubscribe {ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client}
        } {
            set c [redis_client]
            set id [$c client id]
            $c multi
            $c client kill id $id skipme no
            $c $subscribe a
            $c ping
            assert_equal [list 1 $answer] [lrange [$c exec] 0 1]
            assert_equal 1 [$c eof]
            $c close
        }
        wait_until 0 5 {s pubsub_clients}
        assert_equal 0 [r publish a x]
    } redis8

    test "Subscribing inside a transaction takes effect after it" {
        set c [redis_client]
        $c multi
        $c subscribe a
        $c publish a x
        $c get k
        assert_equal {{subscribe a 1} 1 {}} [$c exec]
        assert_equal {message a x} [$c read]
        assert_error "ERR Can't execute 'multi'*" {$c multi}
        $c close
    } redis8

    test "The end of the server finds clients in the middle of everything" {
        foreach commands {
            {{watch a b} multi {set k v}} {{blpop a b 0}} {{watch a} {blpop a 0}} {{bzpopmin z 1000}}
            {multi {blpop a 0} {set k v}} {{wait 1 0}}
        } {
            set c [redis_deferring_client]
            foreach command $commands { $c {*}$command }
            $c flush
        }
        wait_until 4 5 {s blocked_clients}
    }
}
