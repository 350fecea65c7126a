# Input that aims at memory, descriptors or the other clients' share.

start_server {overrides {requirepass secret}} {
    test "CVE-2021-32675: many unauthenticated clients that announce huge requests" {
        set used [s used_memory]
        set clients {}
        for {set i 0} {$i < 100} {incr i} {
            set c [redis_client]
            catch {$c write "*1000000\r\n"}
            lappend clients $c
        }
        for {set i 0} {$i < 100} {incr i} {
            set c [redis_client]
            catch {$c write "*10\r\n\$16384\r\n[string repeat x 10000]"}
            lappend clients $c
        }
        assert {[s used_memory] - $used < 60000000} [expr {[s used_memory] - $used}]
        foreach c $clients { $c close }
        wait_until 1 10 {s connected_clients}
    }

    test "CVE-2025-21605: an unauthenticated client that never reads is cut off" {
        set used [s used_memory]
        set c [redis_client -deferred 1]
        $c client id
        catch {$c read}
        set request [string repeat [resp::encode {ping}] 10000]
        set sent 0
        for {set i 0} {$i < 600} {incr i} {
            if {[catch {$c write_some $request}]} { break }
            if {[chan pending output [$c channel]] > 4000000} { break }
            incr sent
        }
        # Either it was closed, or the server stopped reading it: its replies must not pile up.
        assert {[s used_memory] - $used < 40000000} [expr {[s used_memory] - $used}]
        assert_equal PONG [r ping]
        $c close
        wait_until 1 10 {s connected_clients}
    } {sluice}

    test "Failing AUTH over and over does not stop others" {
        set c [redis_deferring_client]
        for {set i 0} {$i < 500} {incr i} { $c auth wrong$i }
        assert_equal PONG [r ping]
        for {set i 0} {$i < 10} {incr i} { assert_error WRONGPASS* {$c read} }
        # From here on each answer takes its time.
        set began [clock milliseconds]
        for {set i 0} {$i < 5} {incr i} { assert_error WRONGPASS* {$c read} }
        assert {[clock milliseconds] - $began >= 400}
        assert {[s acl_access_denied_auth] < 200}
        $c close
        wait_until 0 10 {s blocked_clients}
        # The right password is answered at once, and a few wrong ones are forgiven again.
        set c [redis_client]
        for {set i 0} {$i < 12} {incr i} { assert_error WRONGPASS* {$c hello 3 auth default wrong$i} }
        assert_equal OK [$c auth [lindex [r config get requirepass] 1]]
        set began [clock milliseconds]
        for {set i 0} {$i < 10} {incr i} { assert_error WRONGPASS* {$c auth wrong$i} }
        assert_error WRONGPASS* {$c auth wrong}
        assert {[clock milliseconds] - $began >= 100}
        # In a transaction nothing waits.
        assert_equal OK [$c multi]
        assert_equal QUEUED [$c auth wrong]
        assert_match "{WRONGPASS*}" [$c exec]
        assert_equal PONG [$c ping]
        $c close
    }
}

start_server {} {
    test "CVE-2025-46686: announced sizes reserve no memory" {
        set used [s used_memory]
        set clients {}
        for {set i 0} {$i < 50} {incr i} {
            set c [redis_client]
            $c write "*1000000\r\n\$3\r\nSET\r\n"
            lappend clients $c
        }
        for {set i 0} {$i < 50} {incr i} {
            set c [redis_client]
            $c write "*3\r\n\$3\r\nSET\r\n\$1\r\nk\r\n\$100000000\r\nabc"
            lappend clients $c
        }
        wait_until 101 5 {s connected_clients}
        assert {[s used_memory_rss] < 500000000} [s used_memory_rss]
        foreach c $clients { $c close }
        wait_until 1 10 {s connected_clients}
        wait_until 1 10 {expr {[s used_memory] - $used < 10000000}}
    }

    test "CVE-2025-49112, redis#15594: clients killed while their replies are under way" {
        r set big [string repeat b 500000]
        for {set round 0} {$round < 10} {incr round} {
            set clients {}
            for {set i 0} {$i < 10} {incr i} {
                set c [redis_deferring_client]
                catch {$c write_some [string repeat [resp::encode {get big}] 20]}
                lappend clients $c
            }
            r client kill type normal
            foreach c $clients { $c close }
        }
        wait_until 1 10 {s connected_clients}
        assert_equal PONG [r ping]
    }

    test "A client killed by another in the same turn, many times" {
        for {set round 0} {$round < 20} {incr round} {
            set a [redis_deferring_client]
            set b [redis_deferring_client]
            $a client id
            $b client id
            set ids [list [$a read] [$b read]]
            catch {$a write_some "[string repeat [resp::encode {ping}] 50][resp::encode [list client kill id [lindex $ids 1]]][string repeat [resp::encode {ping}] 50]"}
            catch {$b write_some "[string repeat [resp::encode {ping}] 50][resp::encode [list client kill id [lindex $ids 0]]][string repeat [resp::encode {ping}] 50]"}
            resp::pause_ms 2
            $a close
            $b close
        }
        assert_equal PONG [r ping]
        wait_until 1 10 {s connected_clients}
    }

    test "CVE-2023-41056: requests that grow and shrink the query buffer" {
        expr {srand(7)}
        set c [redis_deferring_client]
        for {set i 0} {$i < 80} {incr i} {
            set size [expr {int(exp(rand() * 13))}]
            set value [string repeat [format %c [expr {97 + $i % 26}]] $size]
            set bytes [resp::encode [list echo $value]]
            set cut [expr {int(rand() * [string length $bytes])}]
            $c write [string range $bytes 0 $cut-1]
            $c write [string range $bytes $cut end]
            assert {[$c read] eq $value} "size $size, cut $cut"
        }
        $c close
    }

    test "A command in flight when its connection vanishes is served once" {
        r set n 0
        for {set i 0} {$i < 50} {incr i} {
            set c [redis_deferring_client]
            $c incr n
            $c close
        }
        if {[srv tls]} {
            # The server's session tickets may meet the closed socket first: a reset drops what it had not read.
            wait_until 1 10 {s connected_clients}
            assert_range [r get n] 0 50
        } else {
            wait_until 50 10 {r get n}
        }
    }

    test "More connections than descriptors: accepting goes on afterwards" {
        set limit [descriptor_count [srv pid]]
        exec prlimit --pid [srv pid] --nofile=[expr {$limit + 30}]:[expr {$limit + 30}]
        set sockets {}
        for {set i 0} {$i < 60} {incr i} { lappend sockets [socket 127.0.0.1 [srv port]] }
        wait_until 1 10 {expr {[descriptor_count [srv pid]] >= $limit + 29}}
        assert_equal PONG [r ping]
        foreach s $sockets { close $s }
        wait_until 1 15 {s connected_clients}
        set c [redis_client]
        assert_equal PONG [$c ping]
        $c close
    }
}

test "CVE-2023-45145: a unix socket is never more open than unixsocketperm says" {
    set path [file join $::work_dir perm.sock]
    start_server [list overrides [list unixsocket $path unixsocketperm 600]] {
        assert_equal 600 [string range [file attributes $path -permissions] end-2 end]
    }
}
