# redis-cli on a terminal.

file_needs cli
if {[catch {package require Expect}]} {
    emit @skip "(the file)" "Tcl has no Expect here"
    return
}
source [file join $root tests support cli.tcl]
log_user 0

set history [file join $work_dir history]
set env(REDISCLI_HISTFILE) $history
set env(REDISCLI_RCFILE) /dev/null
set env(TERM) xterm

proc see {pattern} {
    global expect_out
    expect -timeout 30 -re $pattern {} timeout {
        set shown ""
        expect -timeout 0 -re {.+} { set shown $expect_out(0,string) }
        fail "the terminal does not show $pattern, but '[string map {\x1b ^[} $shown]'"
    } eof {
        fail "redis-cli ended before it showed $pattern"
    }
}
proc say {line} { send -- "$line\r" }
proc key {bytes} { send -- $bytes }
# libedit shows the prompt a moment before it takes over the terminal's keys, so control keys are only
# sent when it has answered another key.
proc start_repl {args} {
    uplevel #0 [list spawn -noecho [cli_program] {*}[cli_target] {*}$args]
    see "127.0.0.1:[srv port]> "
}
proc start_repl_plain {} { uplevel #0 [list spawn -noecho [cli_program] {*}[cli_target]] }
proc exit_code {} {
    expect -timeout 30 eof {} timeout { fail "redis-cli does not end" }
    return [lindex [wait] 3]
}
proc prompt {{suffix ""}} { see "127\\.0\\.0\\.1:[srv port]$suffix> " }

start_server {} {
    test "cli terminal: replies, the database in the prompt" {
        start_repl
        say "set foo bar"
        see "OK\r\n"
        prompt
        say "get foo"
        see "\"bar\"\r\n"
        prompt
        say "select 2"
        prompt {\[2\]}
        say "3 ping"
        see "PONG\r\nPONG\r\nPONG\r\n"
        say "select 0"
        prompt
        say "get \"foo"
        see "Invalid argument\\(s\\)"
        say quit
        assert_equal 0 [exit_code]
    }

    test "cli terminal: history across sessions, without passwords" {
        start_repl
        say "auth top secret"
        prompt
        say "acl setuser x >hidden"
        prompt
        say "echo remembered"
        see "\"remembered\""
        prompt
        key x
        see x
        key \x03
        assert_equal 0 [exit_code]
        start_repl
        key "\x1b\[A\r"
        see "\"remembered\""
        prompt
        say quit
        assert_equal 0 [exit_code]
        assert_match "*echo remembered*" [read_file $history]
        assert_no_match "*secret*" [read_file $history]
        assert_no_match "*hidden*" [read_file $history]
        assert_equal 00600 [file attributes $history -permissions]
    }

    test "cli terminal: slow commands show their time" {
        start_repl
        say "debug sleep 0.6"
        see {\([01]\.\d\ds\)}
        prompt
        say exit
        assert_equal 0 [exit_code]
    } {command:debug}

    test "cli terminal: TAB completes commands, subcommands and help topics" {
        start_repl
        key "strle\t"
        see "strle.*n"
        key "\x15config rew\t"
        see "config rew.*rite"
        key "\x15CONFIG G\t"
        see "CONFIG G.*ET"
        key "\x15help @strin\t"
        see "help @strin.*g"
        key "\x15config re\t"
        see "CONFIG RESETSTAT +CONFIG REWRITE"
        key "\x15\x03"
        assert_equal 0 [exit_code]
    } {command:command}

    test "cli terminal: what a command takes is shown behind the cursor" {
        start_repl
        key getset
        see "\x1b\\\[90m key value\x1b"
        key " "
        see "\x1b\\\[90mkey value\x1b"
        key "k "
        see "\x1b\\\[90mvalue\x1b"
        key "\x15:set nohints\r"
        prompt
        key "getset \r"
        see "wrong number of arguments"
        assert_no_match "*90m*" $::expect_out(buffer)
        prompt
        say ":set hints"
        prompt
        key getset
        see "\x1b\\\[90m key value\x1b"
        key "\x15\x03"
        assert_equal 0 [exit_code]
    } {command:command}

    test "cli terminal: help offers groups and commands, and explains them" {
        start_repl
        key "help \t"
        see "@string"
        see "ZUNIONSTORE"
        key "\x15help\r"
        see "To get help about Redis commands type:"
        prompt
        say "? strlen"
        see "1mSTRLEN.*key.*summary:.*since:.*group:.* string"
        prompt
        say "help @hash"
        see "1mHDEL"
        see "1mHVALS"
        prompt
        say "help config get"
        see "1mCONFIG GET"
        prompt
        assert_no_match "*CONFIG SET*" $::expect_out(buffer)
        say "help nonsense"
        prompt
        say clear
        see "\x1b\\\[H\x1b\\\[2J"
        prompt
        say quit
        assert_equal 0 [exit_code]
    } {command:command}

    test "cli terminal: Ctrl-R searches the history" {
        start_repl
        say "echo \"first of two\""
        prompt
        say "echo second"
        prompt
        key "\x12first"
        see "bck:"
        key "\r"
        see "\"first of two\"\r\n"
        prompt
        say quit
        assert_equal 0 [exit_code]
    }

    test "cli terminal: UTF-8, whatever the locale" {
        set word [encoding convertto utf-8 "h\u00e9\u65e5x"]
        foreach locale {C C.UTF-8} {
            set ::env(LC_ALL) $locale
            start_repl
            fconfigure $::spawn_id -translation binary
            key "set wide $word\x7f\r"
            see "OK\r\n"
            assert_equal [string range $word 0 end-1] [r get wide] $locale
            prompt
            key "set wide $word\x1b\[D\x7f-\r"
            see "OK\r\n"
            assert_equal [encoding convertto utf-8 "h\u00e9-x"] [r get wide] $locale
            prompt
            say quit
            assert_equal 0 [exit_code]
            r del wide
        }
        unset ::env(LC_ALL)
    }

    test "cli terminal: a long paste" {
        start_repl
        key "set pasted [string repeat 0123456789 6000]\r"
        see "OK\r\n"
        assert_equal 60000 [r strlen pasted]
        prompt
        say quit
        assert_equal 0 [exit_code]
    }

    test "cli terminal: stopped and continued" {
        uplevel #0 [list spawn -noecho bash --norc --noprofile -i]
        say "[cli_program] [cli_target]"
        prompt
        key "set jo"
        see "set jo"
        key \x1a
        see "Stopped"
        say fg
        see "redis-cli"
        # It says nothing, but it takes over the keys.
        wait_until 1 10 {string match "*-icanon*" [exec stty -a <$spawn_out(slave,name)]}
        # Editing goes on: TAB is a key again.
        key "\x15strle\t"
        see "strle.*n"
        key "\x15quit\r"
        see "bash-"
        say exit
        expect -timeout 30 eof {} timeout { fail "the shell does not end" }
        wait
    } {command:command}

    test "cli terminal: hints fit into the row" {
        start_repl
        stty columns 40 < $spawn_out(slave,name)
        key "set "
        see "\x1b\\\[90mkey value.*\x1b\\\[\\d+D"
        regexp {90m([^\x1b]*)\x1b} $expect_out(0,string) -> hint
        assert {[string length "127.0.0.1:[srv port]> set $hint"] < 40} $hint
        key "\x15\x03"
        assert_equal 0 [exit_code]
    } {command:command}

    test "cli terminal: the password of AUTH is not shown" {
        r config set requirepass s3cret
        foreach words {"AUTH " "  auth default "} {
            start_repl
            key "${words}s3x\x7fcret"
            see {\*\*\*\*}
            key "\x1b\[D\r"
            see "OK\r\n"
            assert_no_match "*s3*" $::expect_out(buffer)
            assert_no_match "*cret*" $::expect_out(buffer)
            prompt
            say ping
            see PONG
            prompt
            key "\x1b\[A\x1b\[A"
            assert_no_match "*cret*" [read_file $history]
            key "\x15\x03"
            assert_equal 0 [exit_code]
        }
        r config set requirepass ""
    }

    test "cli terminal: hints after a login by hand" {
        r config set requirepass sesame
        start_repl
        key "getset "
        say "a b"
        see "NOAUTH"
        prompt
        say "auth sesame"
        see "OK"
        prompt
        key "getset "
        see "\x1b\\\[90mkey value\x1b"
        key "\x15\x03"
        assert_equal 0 [exit_code]
        r config set requirepass ""
    } {command:command}

    test "cli terminal: preferences come from the rc file" {
        set rc [file join $work_dir redisclirc]
        write_file $rc ":set nohints\n:set nonsense\n"
        set ::env(REDISCLI_RCFILE) $rc
        start_repl_plain
        see ".redisclirc: unknown redis-cli preference 'nonsense'"
        prompt
        key "getset \r"
        see "wrong number of arguments"
        assert_no_match "*90m*" $::expect_out(buffer)
        prompt
        key x
        see x
        key "\x03"
        assert_equal 0 [exit_code]
        set ::env(REDISCLI_RCFILE) /dev/null
    }

    test "cli terminal: --askpass shows asterisks" {
        r config set requirepass sesame
        uplevel #0 [list spawn -noecho [cli_program] {*}[cli_target] --askpass ping]
        see "Please input password: "
        key "sesx\x7fame\r"
        see "\\*\\*\\*\\*"
        see "PONG"
        assert_equal 0 [exit_code]
        r config set requirepass ""
    }

    test "cli terminal: reconnects by itself" {
        start_repl
        say "client id"
        see "\\(integer\\) (\\d+)"
        prompt
        foreach id [regexp -all -inline {\mid=(\d+)} [r client list type normal]] {
            if {[string is integer -strict $id] && $id != [r client id]} { r client kill id $id }
        }
        say "get foo"
        see "\"bar\"\r\n"
        prompt
        say quit
        assert_equal 0 [exit_code]
    }

    test "cli terminal: connect elsewhere and back" {
        set nowhere [free_port]
        start_repl
        say "connect 127.0.0.1 $nowhere"
        see "Could not connect to Redis at 127.0.0.1:$nowhere: Connection refused"
        see "not connected> "
        say "connect 127.0.0.1 [srv port]"
        prompt
        say ping
        see "PONG\r\n"
        prompt
        say quit
        assert_equal 0 [exit_code]
    }

    test "cli terminal: a transaction shows" {
        start_repl
        say multi
        prompt {\(TX\)}
        say "incr tx"
        see QUEUED
        prompt {\(TX\)}
        say exec
        see "1\\) \\(integer\\) 1"
        prompt
        say quit
        assert_equal 0 [exit_code]
    } {command:multi}

    test "cli terminal: a subscription, commands in it, Ctrl-C leaves it" {
        start_repl
        say "subscribe ch"
        see "1\\) \"subscribe\".*3\\) \\(integer\\) 1"
        see "Reading messages"
        r publish ch hello
        see "3\\) \"hello\""
        key u
        prompt {\(subscribed mode\)}
        say nsubscribe
        see "\"unsubscribe\""
        prompt
        say "subscribe ch"
        see "Reading messages"
        key \x03
        prompt
        say ping
        see "PONG"
        say quit
        assert_equal 0 [exit_code]
    } {command:subscribe}

    test "cli terminal: messages come in place of the line that awaits them" {
        start_repl
        say "subscribe a b"
        see "Reading messages.*\\)(\x1b\\\[0m)?\r"
        r publish a hello
        see "\x1b\\\[K1\\) \"message\"\r\n2\\) \"a\"\r\n3\\) \"hello\"\r\n.*Reading messages"
        key u
        prompt {\(subscribed mode\)}
        say nsubscribe
        see "\\(integer\\) 1\r\n1\\) \"unsubscribe\".*\\(integer\\) 0\r\n"
        prompt
        say "get foo"
        see "\"bar\""
        say quit
        assert_equal 0 [exit_code]
    } {command:subscribe}

    test "cli terminal: a subscription whose connection is lost" {
        start_repl
        say "subscribe a"
        see "Reading messages"
        r client kill type pubsub
        see "\x1b\\\[KError: Server closed the connection\r\n"
        see "not connected> "
        # The loss is told once.
        key "\r"
        see "not connected> "
        assert_no_match "*Error*" $::expect_out(buffer)
        say "get foo"
        see "\"bar\""
        prompt
        say quit
        assert_equal 0 [exit_code]
    } {command:subscribe}

    test "cli terminal: subscriptions of every kind, with RESP3" {
        start_repl -3
        say "psubscribe p* q*"
        see "3\\) \\(integer\\) 2"
        see "Reading messages"
        key g
        prompt {\(subscribed mode\)}
        say "et foo"
        see "\"bar\""
        key s
        prompt {\(subscribed mode\)}
        say "subscribe sharded"
        see "Reading messages"
        key p
        prompt {\(subscribed mode\)}
        say unsubscribe
        see "\\(integer\\) 1\r\n.*\\(integer\\) 0\r\n"
        see "Reading messages"
        r spublish sharded hello
        see "\"smessage\".*\"hello\""
        key s
        prompt {\(subscribed mode\)}
        say unsubscribe
        prompt
        say "subscribe a"
        see "Reading messages"
        key r
        prompt {\(subscribed mode\)}
        say eset
        see RESET
        prompt
        say quit
        assert_equal 0 [exit_code]
    } {command:ssubscribe}

    test "cli terminal: Ctrl-C leaves MONITOR, and ends a blocked command's session" {
        start_repl
        say monitor
        see "OK"
        r set watched 1
        see "\"set\" \"watched\""
        key \x03
        prompt
        say "blpop nothing 0"
        wait_until 1 10 {llength [lsearch -all [split [r client list]] cmd=blpop]}
        key \x03
        assert_equal 1 [exit_code]
    } {command:monitor command:blpop}

    test "cli terminal: invalidations are shown" {
        start_repl -3
        say "client tracking on"
        see OK
        say "get foo"
        see "bar"
        r set foo baz
        say ping
        see "-> invalidate: 'foo'"
        see "PONG"
        say quit
        assert_equal 0 [exit_code]
    } {command:subscribe}
}
