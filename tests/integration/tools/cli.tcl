# redis-cli with a command, with commands on standard input, and its modes.

file_needs cli
source [file join $root tests support cli.tcl]

# Runs SCRIPT each so many milliseconds, while redis-cli runs; `after cancel $::every_id` ends that.
proc every {ms script} {
    uplevel #0 $script
    set ::every_id [after $ms [list every $ms $script]]
}

start_server {} {
    test "cli: a command as arguments" {
        assert_equal "OK\n" [cli_output set greeting "hello world"]
        assert_equal "hello world\n" [cli_output get greeting]
        assert_equal "\"hello world\"\n" [cli_output --no-raw get greeting]
        assert_equal "OK\n" [cli_output set empty ""]
        assert_equal "\"\"\n" [cli_output --no-raw get empty]
    }

    test "cli: an error reply makes the exit code 1" {
        set result [cli incr greeting]
        assert_equal 1 [dict get $result code]
        assert_equal "ERR value is not an integer or out of range\n\n" [dict get $result out]
        set result [cli -e incr greeting]
        assert_equal [list 1 {} "ERR value is not an integer or out of range\n"] \
            [list [dict get $result code] [dict get $result out] [dict get $result err]]
    }

    test "cli: commands on standard input" {
        set result [cli_fed "set a 1\nincr a\n\n  \nget \"a\"\r\nnonsense\nget a" ]
        assert_match "OK\n2\n2\nERR unknown command 'nonsense'*\n2\n" [dict get $result out]
        assert_equal 1 [dict get $result code]
        set result [cli_fed "ping\nquit\nnonsense\n"]
        assert_equal {PONG 0} [list [string trim [dict get $result out]] [dict get $result code]]
    }

    test "cli: quoting, repetition and words of its own on standard input" {
        set result [cli_fed "set q \"a\\x00b\\n\"\nstrlen q\nget \"q\n3 incr n\n0 incr n\n:set hints\n:other\n" --no-raw]
        assert_match "OK\n(integer) 4\nInvalid argument(s)\n(integer) 1\n(integer) 2\n(integer) 3\nInvalid redis-cli repeat command option value.\nunknown redis-cli internal command ':other'\n" \
            [dict get $result out]
    }

    test "cli: -r repeats, -i waits, -D separates" {
        r set n 0
        assert_equal "1,2,3," [cli_output -r 3 -D , incr n]
        set start [clock milliseconds]
        cli_output -r 3 -i 0.1 incr n
        assert {[clock milliseconds] - $start >= 200}
    }

    test "cli: -x and -X read standard input" {
        assert_equal "OK\n" [dict get [cli_fed "some\ntext\n" -x set fed] out]
        assert_equal "some\ntext\n" [r get fed]
        assert_equal "OK\n" [dict get [cli_fed "other" -X TAG set TAG value] out]
        assert_equal value [r get other]
        set big [string repeat "0123456789abcde\n" 200000]
        assert_equal "OK\n" [dict get [cli_fed $big -x set big] out]
        assert_equal "$big\n" [cli_output get big]
        set result [cli_fed x -X NONE set a b]
        assert_equal [list 1 "Using -X option but stdin tag not match.\n"] \
            [list [dict get $result code] [dict get $result err]]
    }

    test "cli: --quoted-input" {
        cli_output --quoted-input set {"nul\x00"} v
        assert_equal v [r get "nul\x00"]
        assert_equal 1 [dict get [cli --quoted-input set {"open} v] code]
    }

    test "cli: -n selects a database" {
        cli_output -n 4 set here 1
        assert_equal 0 [r exists here]
        r select 4
        assert_equal 1 [r exists here]
        r select 0
        set result [cli -n 99 ping]
        assert_match "SELECT 99 failed: ERR DB index is out of range*" [dict get $result err]
        assert_equal 1 [dict get $result code]
    }

    test "cli: REDISCLI_AUTH and -u" {
        set scheme [expr {[srv tls] ? "rediss" : "redis"}]
        assert_equal "1\n" [cli_output -u $scheme://127.0.0.1:[srv port]/4 exists here]
        assert_match "Invalid URI scheme*" [dict get [cli -u http://x ping] err]
    }

    test "cli: a transaction from standard input" {
        set result [cli_fed "multi\nset t 1\nget t\nexec\n"]
        assert_equal "OK\nQUEUED\nQUEUED\nOK\n1\n" [dict get $result out]
    } {command:multi}

    test "cli: help tells what the server says" {
        assert_match "*1mGET*key*summary:*since:*group:*string*" [cli_output help get]
        assert_match "*1mGETSET*1mINCR*" [cli_output help @string]
        assert_match "redis-cli *help @<group>*" [cli_output help]
        # A password that the server does not ask for does not matter.
        set ::env(REDISCLI_AUTH) unasked
        assert_match "*1mGET*summary:*" [cli_output help get]
        unset ::env(REDISCLI_AUTH)
    } {command:command}

    test "cli --pipe sends all and counts" {
        r flushall
        set stream ""
        for {set i 0} {$i < 20000} {incr i} {
            append stream "*3\r\n\$3\r\nSET\r\n\$9\r\nkey:[format %05d $i]\r\n\$1\r\nv\r\n"
        }
        set result [cli_fed $stream --pipe]
        assert_equal "All data transferred. Waiting for the last reply...\nLast reply received from server.\nerrors: 0, replies: 20000\n" \
            [dict get $result out]
        assert_equal 20000 [r dbsize]
        set result [cli_fed "PING\r\nNONSENSE\r\nPING" --pipe]
        assert_match "*errors: 1, replies: 3*" [dict get $result out]
        assert_equal 1 [dict get $result code]
    }

    test "cli --scan lists keys, --pattern chooses" {
        r flushall
        foreach key {user:1 user:2 other "with space"} { r set $key x }
        assert_equal {other user:1 user:2 {with space}} [lsort [split [string trim [cli_output --scan]] \n]]
        assert_equal {user:1 user:2} [lsort [split [string trim [cli_output --scan --pattern user:*]] \n]]
        assert_equal "\"with space\"\n" [cli_output --no-raw --scan --quoted-pattern {"with\x20*"} --count 100]
    }

    test "cli --bigkeys finds the biggest of each type" {
        r flushall
        r set small a
        r set large [string repeat x 500]
        set output [cli_output --bigkeys]
        assert_match "*Sampled 2 keys in the keyspace!*Biggest string found '\"large\"' has 500 bytes*2 strings with 501 bytes (100.00% of keys, avg size 250.50)*" \
            $output
    }

    test "cli --memkeys" {
        assert_match "*Biggest string found '\"large\"' has * bytes*" [cli_output --memkeys]
    } {command:memory}

    test "cli --hotkeys" {
        r config set maxmemory-policy allkeys-lfu
        r flushall
        r set hot "not a shared integer"
        assert_match "*hot key found with counter: *keyname: \"hot\"*" [cli_output --hotkeys]
        r config set maxmemory-policy noeviction
        set result [cli --hotkeys]
        assert_equal 1 [dict get $result code]
        assert_match "Error: ERR An LFU maxmemory policy is not selected*" [dict get $result err]
    }

    test "cli --latency prints one line when nobody watches" {
        assert {[regexp {^\d+ \d+ \d+\.\d\d \d+\n$} [cli_output --raw --latency -i 0.2]]}
        assert {[regexp {^\d+,\d+,\d+\.\d\d,\d+\n$} [cli_output --csv --latency -i 0.2]]}
    }

    test "cli --stat prints a header and lines" {
        set out [cli_until {\n1 +\S+[BKMG] +\d+ +\d+ +\d+ \(\+\d+\) +\d+ *\n} --stat -i 0.2]
        assert_match "------- data ------*keys       mem      clients*\n*\n*" $out
    }

    test "cli --eval sends keys and arguments" {
        set script [file join $work_dir script.lua]
        write_file $script "return {KEYS\[1\],ARGV\[1\],#KEYS}"
        assert_equal "k\nv\n2\n" [cli_output --eval $script k k2 , v]
    } {command:eval}

    test "cli: a subscription prints messages until it is killed" {
        assert_equal "subscribe\nch\n1\n" [cli_until {1\n} subscribe ch]
    } {command:subscribe}

    test "cli: a subscription whose connection is lost ends with 1" {
        foreach {words input} {{subscribe ch} "" {} "subscribe ch\n"} {
            every 100 {r client kill type pubsub}
            set result [cli_words [concat [cli_target] $words] $input]
            after cancel $::every_id
            assert_equal [list 1 "Error: Server closed the connection\n"] \
                [list [dict get $result code] [dict get $result err]]
        }
    } {command:subscribe}

    test "cli: MONITOR prints" {
        every 200 {r set seen 1}
        assert_match "OK\n*" [cli_until {"set" "seen" "1"\n} monitor]
        after cancel $::every_id
    } {command:monitor}

    test "cli: who is not read any more ends" {
        foreach words {{-r -1 ping} {-r -1 -i 0.01 ping} {subscribe c} {--stat -i 0.01}} {
            set writer [expr {$words eq "subscribe c"}]
            set line "[list [cli_program]] [cli_target] $words"
            set channel [open |[list timeout 20 sh -c "{ $line; echo \$? >&2; } | head -n 1" 2>@1] r]
            fconfigure $channel -blocking 0
            set output ""
            while {![eof $channel]} {
                if {$writer} { r publish c m }
                append output [read $channel]
                resp::pause_ms 10
            }
            catch {close $channel}
            assert_match "*141*" $output $words
        }
    }

    test "cli: an unreachable server" {
        set port [free_port]
        set result [cli_words [list -p $port ping]]
        assert_equal {1 {}} [list [dict get $result code] [dict get $result out]]
        assert_equal "Could not connect to Redis at 127.0.0.1:$port: Connection refused\n" [dict get $result err]
        set result [cli_words [list -s /nowhere/sock ping]]
        assert_equal "Could not connect to Redis at /nowhere/sock: No such file or directory\n" [dict get $result err]
    }

    test "cli: flags it does not know, and those not supported yet" {
        set result [cli --frobnicate]
        assert_equal [list 1 "Unrecognized option or bad number of args for: '--frobnicate'\n"] \
            [list [dict get $result code] [dict get $result err]]
        foreach flag {--cluster --rdb --functions-rdb --replica --slave --ldb --ldb-sync-mode} {
            set result [cli $flag x]
            assert_equal [list 1 "$flag is not supported by this build yet.\n"] \
                [list [dict get $result code] [dict get $result err]]
        }
        assert_equal "redis-cli 8.0.0\n" [dict get [cli_words --version] out]
        assert_match "*Usage: redis-cli *--tls-verify-host*" [dict get [cli_words --help] out]
    }
}

start_server {overrides {requirepass sesame} client 0} {
    test "cli: passwords by -a, REDISCLI_AUTH and -u" {
        set result [cli ping]
        assert_equal [list 1 "NOAUTH Authentication required.\n\n"] [list [dict get $result code] [dict get $result out]]
        assert_equal "PONG\n" [cli_output -a sesame ping]
        assert_match "Warning: Using a password*" [dict get [cli -a sesame ping] err]
        assert_equal "" [dict get [cli -a sesame --no-auth-warning ping] err]
        set ::env(REDISCLI_AUTH) sesame
        assert_equal "PONG\n" [cli_output ping]
        assert_equal "" [dict get [cli ping] err]
        unset ::env(REDISCLI_AUTH)
        set scheme [expr {[srv tls] ? "rediss" : "redis"}]
        assert_equal "PONG\n" [cli_output -u $scheme://:sesame@127.0.0.1:[srv port] ping]
        assert_match "AUTH failed: WRONGPASS*" [dict get [cli --no-auth-warning -a wrong ping] err]
    }
}
