# Hostile input to pub/sub, tracking and MONITOR. Names of tests are those of the advisories.

start_server {} {
    test "CVE-2022-36021, CVE-2024-31228: patterns of channels that explode" {
        set c [redis_client]
        $c psubscribe [string repeat "a*" 200]b
        $c psubscribe [string repeat "*" 100000]x
        $c psubscribe [string repeat "\[" 5000]
        r publish [string repeat a 500] m
        r pubsub channels [string repeat "*?" 10000]
        $c close
        assert_equal PONG [r ping]
    }

    test "redis#15094: CLIENT KILL inside EXEC with SSUBSCRIBE" {
        for {set i 0} {$i < 5} {incr i} {
            set c [redis_client]
            set id [$c client id]
            $c hello 3
            $c subscribe x
            $c write "[resp::encode multi][resp::encode {ssubscribe s}][resp::encode {subscribe y}]"
            $c write "[resp::encode [list client kill id $id skipme no]][resp::encode {publish y m}][resp::encode {ssubscribe s}][resp::encode exec][resp::encode ping]"
            r publish x m
            r publish y m
            r spublish s m
            $c close
        }
        wait_until 0 10 {llength [r pubsub channels]}
        assert_equal {} [r pubsub shardchannels]
        assert_equal PONG [r ping]
    }

    test "redis#15594: receivers that go while they are served" {
        for {set round 0} {$round < 10} {incr round} {
            set clients {}
            set ids {}
            for {set i 0} {$i < 8} {incr i} {
                set c [redis_client]
                $c hello 3
                lappend ids [$c client id]
                $c client tracking on
                $c get k
                $c subscribe x
                lappend clients $c
            }
            set out ""
            foreach id $ids {
                append out [resp::encode {publish x m}] [resp::encode [list client kill id $id]] \
                    [resp::encode {set k v}] [resp::encode flushall]
            }
            r write $out
            for {set i 0} {$i < 32} {incr i} { r read }
            foreach c $clients { catch {$c close} }
        }
        assert_equal 0 [llength [r pubsub channels]]
        assert_equal PONG [r ping]
    }

    test "Ten thousand channels of one client, ended at once" {
        set c [redis_client -deferred 1]
        set words subscribe
        for {set i 0} {$i < 10000} {incr i} { lappend words c$i }
        $c write_some [resp::encode $words]
        for {set i 0} {$i < 10000} {incr i} { $c read }
        assert_equal 10000 [s pubsub_channels]
        $c close
        wait_until 0 20 {s pubsub_channels}
    }

    test "A redirect to oneself, to one that goes, and in a circle" {
        set a [redis_client]
        set b [redis_client]
        $a hello 3
        $b hello 3
        $a client tracking on redirect [$a client id]
        $a get k
        $a set k 1
        assert_equal {invalidate k} [$a read]
        $a client tracking on redirect [$b client id]
        $b client tracking on redirect [$a client id]
        $a get k
        $b get l
        r mset k 2 l 2
        assert_equal {invalidate l} [$a read]
        assert_equal {invalidate k} [$b read]
        r flushall
        assert_equal {invalidate {}} [$a read]
        assert_equal {invalidate {}} [$b read]
        $b close
        $a close
        r set k 3
        assert_equal PONG [r ping]
    }

    test "Strangers cannot listen" {
        r config set requirepass secret
        set c [redis_client]
        foreach command {{subscribe x} {psubscribe *} {ssubscribe x} {monitor} {publish x y} {client tracking on}} {
            assert_error "NOAUTH Authentication required." {$c {*}$command}
        }
        $c close
        r config set requirepass ""
    }

    test "CVE-2025-21605: a monitor that does not read is cut off" {
        r config set client-output-buffer-limit "normal 4mb 0 0"
        set m [redis_client]
        $m monitor
        set value [string repeat x 500000]
        for {set i 0} {$i < 200 && [regexp {flags=O} [r client list]]} {incr i} { r echo $value }
        assert_no_match "*flags=O*" [r client list]
        $m close
        r config set client-output-buffer-limit "normal 0 0 0"
    }
}
