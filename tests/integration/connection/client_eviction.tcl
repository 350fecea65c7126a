# maxmemory-clients: the largest clients go first, never those with NO-EVICT.

proc mb {n} { return [expr {$n * 1024 * 1024}] }

proc field {line name} {
    regexp "(?:^| )$name=(\\S*)" $line -> value
    return $value
}

proc client_line {name} {
    foreach line [split [r client list] \n] {
        if {[string match "* name=$name *" $line]} { return $line }
    }
    return ""
}

proc is_connected {name} { return [expr {[client_line $name] ne ""}] }

# A client that holds SIZE bytes of a request that is not complete.
proc holder {name size} {
    set c [redis_deferring_client]
    $c client setname $name
    $c read
    $c write "*3\r\n\$3\r\nset\r\n\$1\r\nk\r\n\$[expr {$size + 10}]\r\n"
    set sent 0
    while {$sent < $size} {
        set part [expr {min(65536, $size - $sent)}]
        if {[catch {$c write [string repeat x $part]}]} { break }
        incr sent $part
    }
    return $c
}

start_server {} {
    test "tot-mem counts what the I/O side and TLS hold" {
        set line [r client info]
        assert {[field $line tot-mem] > 1000}
        if {[field $line tls] ne ""} {
            assert_range [field $line tot-mem] 10000 200000
        }
    } {sluice}

    test "A client's unfinished request counts" {
        set c [holder big [mb 3]]
        wait_until 1 10 { expr {[field [client_line big] tot-mem] > [mb 3]} }
        $c close
        wait_until 0 10 { is_connected big }
    }

    test "Requests that wait behind one that blocks count, large and small" {
        foreach size {3000000 3000} {
            set c [redis_deferring_client]
            $c client setname waits
            $c read
            $c blpop nothing 0
            for {set i 0} {$i < 3000000 / $size} {incr i} { $c set k [string repeat x $size] }
            wait_until 1 10 { expr {[field [client_line waits] tot-mem] > ($size > 32768 ? 3000000 : 250000)} }
            r client kill id [field [client_line waits] id]
            $c close
            wait_until 0 10 { is_connected waits }
        }
    } {sluice}

    test "Nothing is evicted while maxmemory-clients is 0" {
        set c [holder big [mb 20]]
        wait_until 1 10 { expr {[field [client_line big] tot-mem] > [mb 20]} }
        assert_equal 0 [s evicted_clients]
        $c close
        wait_until 0 10 { is_connected big }
    }

    test "A client that holds too much is evicted, with Redis's line in the log" {
        r client no-evict on
        set mark [log_size]
        r config set maxmemory-clients [mb 5]
        set before [s evicted_clients]
        set c [holder big [mb 12]]
        wait_until 0 10 { is_connected big }
        wait_until 1 10 { expr {[s evicted_clients] == $before + 1} }
        wait_for_log $mark "*Evicting client: id=* name=big *"
        $c close
        r config set maxmemory-clients 0
    }

    test "The largest go, and only until the rest is below the limit" {
        set clients {}
        foreach {name size} {a 1 b 4 c 2 d 6 e 3} { lappend clients [holder $name [mb $size]] }
        foreach {name size} {a 1 b 4 c 2 d 6 e 3} {
            wait_until 1 10 { expr {[field [client_line $name] tot-mem] >= [mb $size]} }
        }
        r config set maxmemory-clients [mb 8]
        wait_until 0 10 { is_connected d }
        wait_until 0 10 { is_connected b }
        foreach name {a c e} { assert_equal 1 [is_connected $name] $name }
        r config set maxmemory-clients 0
        foreach c $clients { $c close }
        wait_until 1 10 {s connected_clients}
    }

    test "CLIENT NO-EVICT" {
        set safe [redis_deferring_client]
        $safe client no-evict on
        assert_equal OK [$safe read]
        $safe client setname safe
        $safe read
        $safe write "*3\r\n\$3\r\nset\r\n\$1\r\nk\r\n\$[mb 7]\r\n[string repeat x [mb 6]]"
        wait_until 1 10 { expr {[field [client_line safe] tot-mem] >= [mb 6]} }
        set victim [holder victim [mb 1]]
        r config set maxmemory-clients [mb 3]
        wait_until 0 10 { is_connected victim }
        assert_equal 1 [is_connected safe]
        assert_equal PONG [r ping]
        r config set maxmemory-clients 0
        $safe close
        $victim close
        wait_until 1 10 {s connected_clients}
    }

    test "Replies that are not taken count" {
        r set big [string repeat b [mb 1]]
        r config set maxmemory-clients [mb 10]
        set before [s evicted_clients]
        set c [redis_deferring_client]
        $c client setname deaf
        $c read
        # At once: behind a megabyte that is not taken no further request is looked at.
        $c write [string repeat [resp::encode {get big}] 40]
        wait_until 0 10 { is_connected deaf }
        assert_equal [expr {$before + 1}] [s evicted_clients]
        $c close
        r config set maxmemory-clients 0
        r del big
    }

    test "A percentage is one of maxmemory" {
        r config set maxmemory [mb 100] maxmemory-clients 5%
        assert_equal {maxmemory-clients 5%} [r config get maxmemory-clients]
        set c [holder big [mb 4]]
        wait_until 1 10 { expr {[field [client_line big] tot-mem] >= [mb 4]} }
        set other [holder other [mb 2]]
        wait_until 0 10 { is_connected big }
        assert_equal 1 [is_connected other]
        $c close
        $other close
        wait_until 1 10 {s connected_clients}
        r config set maxmemory 0
        set c [holder big [mb 8]]
        wait_until 1 10 { expr {[field [client_line big] tot-mem] >= [mb 8]} }
        assert_equal 1 [is_connected big]
        $c close
        r config set maxmemory-clients 0
    }

    test "Many clients: as many as fit stay" {
        set clients {}
        for {set i 0} {$i < 30} {incr i} { lappend clients [holder many$i 300000] }
        wait_until 1 10 { expr {[s mem_clients_normal] > 30 * 300000} }
        set before [s evicted_clients]
        r config set maxmemory-clients [mb 4]
        wait_until 1 10 { expr {[s mem_clients_normal] < [mb 4]} }
        assert_range [expr {[s evicted_clients] - $before}] 10 24
        assert_equal PONG [r ping]
        r config set maxmemory-clients 0
        foreach c $clients { $c close }
        wait_until 1 10 {s connected_clients}
    }
}
