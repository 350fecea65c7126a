# redis-cli beside the reference's: the same command lines and input, output and exit codes compared.
# What differs on purpose (docs/tools.md) is not among them.

file_needs cli
source [file join $root tests support cli.tcl]
set reference [auto_execok redis-cli]
if {$reference eq "" || ![string match "redis-cli 7.0.*" [exec {*}$reference --version]]} {
    emit @skip "(the file)" "no redis-cli 7.0 is installed"
    return
}

# {code stdout stderr} of a program with WORDS and INPUT.
proc outcome {program words input} {
    global work_dir
    write_file [file join $work_dir in] $input
    set code 0
    set command [list timeout 60 {*}$program {*}[cli_target] {*}$words <[file join $work_dir in] \
        >[file join $work_dir out] 2>[file join $work_dir err]]
    if {[catch {exec {*}$command} message options]} {
        set code [lindex [dict get $options -errorcode] 2]
    }
    return [list $code [read_file [file join $work_dir out]] [read_file [file join $work_dir err]]]
}

# The exit code after an error reply differs on purpose (docs/tools.md): 1 here, 0 there without -e.
proc is_error_exit {expected found} {
    return [expr {[lindex $expected 0] == 0 && [lindex $found 0] == 1 &&
                  [lrange $expected 1 end] eq [lrange $found 1 end] &&
                  [regexp {(^|\n|")(\(error\) |Error: )?(ERR|WRONGTYPE|NOAUTH|WRONGPASS|NOPROTO|AUTH failed)} \
                       [join [lrange $found 1 end] "\n"]]}]
}

proc compare {words {input ""}} {
    set expected [outcome $::reference $words $input]
    set found [outcome [cli_program] $words $input]
    if {[is_error_exit $expected $found]} { return }
    if {$expected ne $found} { fail "redis-cli $words <'$input': expected $expected, got $found" }
}

start_server {} {
    set formats {{} --no-raw --raw --csv --json --quoted-json {-3 --no-raw} {-3 --csv} {--json -2}}

    proc seed {} {
        r flushall
        r set s "va\x01lue\n\u00e9"
        r rpush l a b "c d"
        r hset h f1 v1
        r sadd set a
        r zadd z 1 a 2.5 b
    }

    test "cli beside the reference: replies in every format" {
        seed
        foreach format $formats {
            foreach command {"get s" "get nope" "lrange l 0 -1" "hgetall h" "smembers set"
                "zrange z 0 -1 withscores" "incr s" "nonsense a" "exists s" "config get maxm*-p*"
                "zscore z a" "mget s nope l" "lrange nokey 0 -1" "hgetall nokey" "ping" "type s"
                "client getname" "object help" "exec"} {
                compare [concat $format $command]
            }
        }
    }

    test "cli beside the reference: flags" {
        seed
        foreach words {
            {-e incr s} {-e get s} {-r 2 get s} {-r 0 get s} {-r 2 -i 0.01 get s} {-D , -r 3 get s}
            {-d / lrange l 0 -1} {-d / -D # hgetall h} {--quoted-input get {"s"}}
            {--show-pushes maybe ping} {--show-pushes no ping} {-a foo ping}
            {-a foo --no-auth-warning ping} {--user default --pass x ping} {-n 3 dbsize}
            {--scan --pattern s*} {--scan --quoted-pattern {"set"}} {--scan --quoted-pattern \"s}
            {--no-raw --scan --pattern l} {--eval /nowhere/script a} {--frob} {-p} {-u http://x}
            {-u redis://u:p@127.0.0.1:1/2 ping} {-s /nowhere/socket ping} {-h nowhere.invalid ping}
            {help nonsense} -X {-d "" lrange l 0 -1} {--raw --no-raw get s} {--csv --raw get s} --bigkeys
            {--bigkeys --pattern s*} {--bigkeys --quoted-pattern \"s} {--quoted-input set 'a'b c} {-e nonsense}
            --pipe-timeout {-c get s} {--verbose get s} -4x exit quit {-a} {--user x ping} {-x -x} {--eval}
            {-3 --no-raw config get maxm*-p*} {-2 -3 --csv config get maxm*-p*} {--scan --pattern}
            {client list type nonsense} {--json client kill 1}
        } {
            compare $words
        }
    }

    test "cli beside the reference: memory and frequency of keys" {
        seed
        foreach words {--memkeys {--memkeys-samples 2} {--memkeys --pattern [sl]} --hotkeys} { compare $words }
    } {command:memory}

    test "cli beside the reference: RESP3 of every type" {
        foreach format [lsearch -all -inline -not $formats *-2] {
            foreach type {string integer double null array set map verbatim true false} {
                compare [concat $format -3 [list debug protocol $type]]
            }
        }
    } {command:debug}

    test "cli beside the reference: standard input" {
        seed
        foreach {words input} {
            {-x set fed} "abc\n" {-X TAG set TAG v} kk {-X NO get s} x {-x -X t get s} x
            --pipe "SET p 1\r\nPING\r\nNOPE\r\n" --pipe ""
            {--askpass ping} "pw\n"
        } {
            compare $words $input
        }
        foreach input {"set a 1\nget a\n" "get a\nquit\nget a\n" "get \"a\nget a\n" "2 ping\n" "-1 ping\n"
            "0 ping\n" "x y z\n" ":set hints\n:set foo\n:bar\n" ":set\n" ":set hints x\n" "+2 get a\n" "select 3\nget a\n" "select 99\n"
            "hello 9\n" "# comment\n" "  \n\n" "auth x\n" "discard\n" "restart\n" "get a extra\n"
            "\"\"\n" "exit\nping\n" "ping"} {
            compare {} $input
            compare --no-raw $input
        }
        compare {-r 3} "get a\n2 get a\n"
    }

    test "cli beside the reference: transactions" {
        seed
        foreach input {"multi\nset a 1\nexec\n" "multi\nfoo\nexec\n" "multi\nselect 2\ndiscard\nget a\n"
            "watch a\nmulti\nget a\nexec\n"} {
            compare --no-raw $input
        }
    } {command:multi}
}
