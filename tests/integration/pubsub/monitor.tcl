# MONITOR.

proc monitored {m} {
    set line [$m read]
    if {![regexp {^\d{10}\.\d{6} \[(\d+) (\S+)\] (.*)$} $line -> db address rest]} {
        fail "not a line of MONITOR: $line"
    }
    return "$db $rest"
}

start_server {} {
    test "MONITOR shows commands with their arguments escaped" {
        set m [redis_client]
        assert_equal OK [$m monitor]
        r set k "a\r\n\x01\xff\"q\\"
        assert_equal {0 "set" "k" "a\r\n\x01\xff\"q\\"} [monitored $m]
        r select 3
        assert_equal {3 "select" "3"} [monitored $m]
        r echo ""
        assert_equal {3 "echo" ""} [monitored $m]
        r select 0
        assert_equal {0 "select" "0"} [monitored $m]
        $m close
    }

    test "The line has the time and the client's address" {
        set m [redis_client]
        $m monitor
        r ping
        regexp {addr=(\S+)} [r client info] -> address
        set line [$m read]
        assert_match "*.* \\\[0 $address\\\] \"ping\"" $line
        assert_range [lindex [split $line .] 0] [expr {[clock seconds] - 60}] [expr {[clock seconds] + 1}]
        $m close
    }

    test "Secrets, administration and what was refused are not shown" {
        set m [redis_client]
        $m monitor
        catch {r auth secret}
        r config set maxmemory 0
        r config get maxmemory
        r client list
        catch {r nosuch}
        catch {r get}
        r hello 2 auth default secret setname me
        r ping
        assert_equal {0 "auth" "(redacted)"} [monitored $m]
        assert_equal {0 "hello" "2" "auth" "(redacted)" "(redacted)" "setname" "me"} [monitored $m]
        assert_equal {0 "ping"} [monitored $m]
        $m close
    }

    test "A monitor sees itself, and must not touch keys" {
        set m [redis_client]
        $m monitor
        assert_equal PONG [$m ping]
        assert_equal {0 "ping"} [monitored $m]
        assert_error "ERR Replica can't interact with the keyspace" {$m get k}
        assert_error "ERR Replica can't interact with the keyspace" {$m set k v}
        assert_match "*flags=O*" [$m client info]
        assert_equal {0 "client" "info"} [monitored $m]
        $m close
    }

    test "RESET ends it" {
        set m [redis_client]
        $m monitor
        assert_equal RESET [$m reset]
        r ping
        assert_equal PONG [$m ping]
        assert_match "*flags=N*" [$m client info]
        $m close
    }

    test "MONITOR in a transaction is refused; EXEC comes after what it ran" {
        set m [redis_client]
        set c [redis_client]
        $m monitor
        $c multi
        $c set a 1
        $c monitor
        $c send exec
        assert_equal "*2\r\n+OK\r\n-ERR MONITOR isn't allowed for DENY BLOCKING client\r\n" [$c raw]
        foreach expected {{0 "multi"} {0 "set" "a" "1"} {0 "exec"}} { assert_equal $expected [monitored $m] }
        $c close
        $m close
    }

    test "A monitor that goes away is forgotten" {
        set a [redis_client]
        set b [redis_client]
        $a monitor
        $b monitor
        set value [string repeat v 100000]
        r set k $value
        assert_equal "0 \"set\" \"k\" \"$value\"" [monitored $a]
        assert_equal "0 \"set\" \"k\" \"$value\"" [monitored $b]
        $a close
        r set k 1
        assert_equal {0 "set" "k" "1"} [monitored $b]
        $b close
        r set k 2
        assert_equal 2 [r get k]
    }

    test "redis#15594: monitors freed while a list of them is walked" {
        # Monitors that kill each other and themselves, while commands feed them.
        for {set round 0} {$round < 5} {incr round} {
            set monitors {}
            set kills ""
            for {set i 0} {$i < 10} {incr i} {
                set m [redis_client]
                append kills [resp::encode [list client kill id [$m client id]]] [resp::encode ping]
                $m monitor
                lappend monitors $m
            }
            [lindex $monitors 9] write $kills
            for {set i 0} {$i < 20} {incr i} { r set k $i }
            foreach m $monitors { catch {$m close} }
            wait_until 1 10 {regexp -all -line {^id=} [r client list]}
        }
        assert_equal PONG [r ping]
    }
}
