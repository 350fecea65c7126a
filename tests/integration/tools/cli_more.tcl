# redis-cli beyond the reference: probes, JSON of texts, the live view; and key statistics.

file_needs cli
source [file join $root tests support cli.tcl]
set has_expect [expr {![catch {package require Expect}]}]
if {$has_expect} { log_user 0 }
set env(TERM) xterm

# The members of a flat JSON object in TEXT, as a dictionary; enough for what is tested here.
proc json_field {text name} {
    set pattern {"NAME":("[^"]*"|[^],\x7d]*)}
    if {![regexp [string map [list NAME $name] $pattern] $text -> value]} { return "?" }
    return $value
}

start_server {} {
    test "cli --json: INFO becomes objects by section" {
        r set k v
        set text [cli_output --json info]
        assert_match "\{\"Server\":\{\"redis_version\":\"*\",*\},\"Clients\":\{*\}\}\n" $text
        assert_equal [s process_id] [json_field $text process_id]
        assert_equal {"standalone"} [json_field $text redis_mode]
        assert_match "*\"Keyspace\":\{\"db0\":\{\"keys\":1,\"expires\":0,*" $text
        assert_match "\{\"Keyspace\":\{*" [cli_output --quoted-json info keyspace]
        # Other formats keep the text.
        assert_match "# Server\r\n*" [cli_output info server]
        assert_match "# Server\r\n*" [cli_output --no-raw info server]
    }

    test "cli --json: CLIENT LIST and CLIENT INFO" {
        set text [cli_output --json client list]
        assert_match "\\\[\{\"id\":*,\"addr\":\"*\},\{\"id\":*\}\\\]\n" $text
        set text [cli_output --json client info]
        assert_match "\{\"id\":*\}\n" $text
        assert_equal {"client|info"} [json_field $text cmd]
        assert_equal {""} [json_field $text name]
        r client setname 12
        assert_match "*\"name\":\"12\"*" [cli_output --json client list]
        r client setname ""
    }

    test "cli --json: errors and other texts" {
        assert_match "error:\"*\"\n" [dict get [cli --json client list type nonsense] out]
        assert_match "\"*Redis ver*\"\n" [cli_output --json lolwut]
    } {command:lolwut}

    test "cli --json: a canned CLUSTER NODES" {
        set nodes "07c3 127.0.0.1:1@2,host myself,master - 0 142 2 connected 0-5 7 \[3->-09\]\n67ed :0 slave,fail 07c3 14 0 1 disconnected\n"
        set port [canned_server [list "\$[string length $nodes]\r\n$nodes\r\n"]]
        set result [cli_words [list -p $port -2 --json cluster nodes]]
        assert_equal {[{"id":"07c3","addr":"127.0.0.1:1@2,host","flags":"myself,master","master":"-","ping-sent":0,"pong-recv":142,"config-epoch":2,"link-state":"connected","slots":["0-5","7","[3->-09]"]},{"id":"67ed","addr":":0","flags":"slave,fail","master":"07c3","ping-sent":14,"pong-recv":0,"config-epoch":1,"link-state":"disconnected","slots":[]}]} \
            [string trim [dict get $result out]]
    }

    test "cli --health: serving, away, refusing, loading, silent" {
        set result [cli --health]
        assert_match "healthy: PONG in * ms\n" [dict get $result out]
        assert_equal {0 {}} [list [dict get $result code] [dict get $result err]]
        set result [cli_words [list -p [free_port] --health]]
        assert_equal 1 [dict get $result code]
        assert_match "Could not connect to Redis at *: Connection refused\n" [dict get $result err]
        foreach {reply code words} {
            "-NOAUTH Authentication required.\r\n" 1 "not serving: NOAUTH Authentication required.\n"
            "-LOADING Redis is loading the dataset in memory\r\n" 2 "not ready: LOADING *\n"
            "-MASTERDOWN Link with MASTER is down\r\n" 2 "not ready: MASTERDOWN *\n"
            "" 1 "not serving: no reply to PING within 0.3 s\n"
        } {
            set result [cli_words [list -p [canned_server [list $reply]] --health -t 0.3]]
            assert_match $words [dict get $result err]
            assert_equal $code [dict get $result code]
        }
    }

    test "cli --pass-file" {
        r config set requirepass sesame
        set file [file join $work_dir password]
        write_file $file "sesame\n"
        set result [cli --pass-file $file ping]
        assert_equal {PONG {}} [list [string trim [dict get $result out]] [dict get $result err]]
        write_file $file "\nsesame"
        set result [cli --pass-file $file ping]
        assert_equal 1 [dict get $result code]
        assert_match "The file of --pass-file, '*', has no password in its first line.\n" [dict get $result err]
        set result [cli --pass-file /nowhere/file ping]
        assert_equal "Cannot read the file of --pass-file, '/nowhere/file': No such file or directory\n" [dict get $result err]
        assert_equal "PONG\n" [dict get [cli_fed "sesame\n" --askpass ping] out]
        r config set requirepass ""
    }

    test "cli --cursor: where scanning begins" {
        r flushall
        for {set i 0} {$i < 200} {incr i} { r set key:$i v }
        assert_equal 200 [llength [cli_output --scan]]
        set cursor [lindex [r scan 0 count 100] 0]
        set rest [llength [cli_output --scan --cursor $cursor]]
        assert_range $rest 1 199
        assert_match "Invalid value for --cursor: 'x'.*" [dict get [cli --scan --cursor x] err]
    }

    test "cli --keystats: the biggest keys and the distribution" {
        r flushall
        for {set i 0} {$i < 50} {incr i} { r set key:[format %02d $i] value }
        r set big [string repeat x 100000]
        set text [cli_output --keystats --top 2]
        assert_match "*100.00% ||||*Keys sampled: 51\n*--- Top 2 key sizes ---\n  1 *K string     \"big\"\n  2 *" $text
        assert_no_match "*\n  3 *" $text
        assert_match "*string     \"big\" has 100000 bytes*" $text
        assert_match "*Key size Percentile   Total keys\n*100.0000%           51\n*" $text
        assert_match "*string              51 100.00%*100250 bytes*" $text
        assert_match "*Total key length is 303B (5.94B avg)*" $text
        assert_match "*Keys sampled: 1\n*" [cli_output --keystats --keystats-samples 0 --pattern b*]
    } {command:memory}

    test "cli --live without a terminal prints pages" {
        set text [cli_output --live -i 0.2 -r 2]
        foreach {word count} {Throughput 2 Keys 2 Memory 2 Connections 2 Handshakes 2 CPU 2
            {Slowest commands} 2 {Biggest clients} 2} {
            assert_equal $count [regexp -all -line "(?:^|  )$word " $text] $word
        }
        assert_no_match "*\x1b*" $text
        if {[srv tls]} {
            assert_match "*TLS          plain 0   TLSv1.3 *" $text
            assert_match "*Ciphers      TLS_*" $text
        } else {
            assert_match "*TLS          plain *" $text
        }
        foreach line [split $text \n] { assert {[string length $line] <= 80} $line }
        assert_equal $text [regsub -all {x} $text x]
        assert_match "*Throughput*" [cli_output --top -i 0.2]
    }

    test "cli --latency-history, --latency-dist, --lru-test, --intrinsic-latency" {
        cli_until {min: .*, max: .*, avg: .* samples\) -- 0\.2.* seconds range\n} --no-raw --latency-history -i 0.2
        cli_until {\x1b} --latency-dist -i 0.2
        cli_until { Gets/sec \| Hits: .* \(.*%\) \| Misses: .* \(.*%\)\n} --lru-test 100
        set result [cli_words {--intrinsic-latency 1}]
        assert_equal 0 [dict get $result code]
        assert_match "Max latency so far: *\n* total runs (avg latency: * microseconds / * nanoseconds per run).\nWorst run took *x longer than the average latency.\n" \
            [dict get $result out]
    }

    test "cli --intrinsic-latency tells what it has when it is interrupted" {
        catch {exec timeout -s INT -k 5 0.5 [cli_program] --intrinsic-latency 30} text
        assert_match "Max latency so far: * total runs (avg latency: *Worst run took *" $text
    }

    test "cli: a TLS port and a plain one, mistaken for each other" {
        if {[srv tls]} {
            set result [cli_words [list -h 127.0.0.1 -p [srv port] ping]]
            assert_match "*connect with --tls*" "[dict get $result out][dict get $result err]"
        } else {
            set result [cli_words [list -h 127.0.0.1 -p [srv port] --tls --insecure -t 2 ping]]
            assert_equal 1 [dict get $result code]
            assert_match "Could not connect to Redis at *: TLS handshake *(is it a plaintext port? Without --tls it may answer)\n" \
                [dict get $result err]
        }
    } {built_tls}

    test "make install puts manual pages and completion in their places" {
        set destination [file join $work_dir installed]
        exec env DESTDIR=$destination PREFIX=/usr [file join $root utils install]
        foreach path {man/man1/redis-cli.1 man/man1/redis-server.1 man/man1/redis-benchmark.1
            man/man5/redis.conf.5 bash-completion/completions/redis-cli
            bash-completion/completions/redis-server zsh/site-functions/_redis} {
            assert {[file size [file join $destination usr share $path]] > 0} $path
        }
        # mdoc complains on standard error, when there is a formatter.
        if {[auto_execok groff] ne ""} {
            foreach page [glob [file join $destination usr share man man? *]] {
                assert_equal "" [exec groff -mandoc -Tascii -ww -z $page 2>@1] $page
            }
        }
    }

    test "cli: every flag of --help is in the manual page and completes" {
        set help [dict get [cli_words --help] out]
        set manual [read_file [file join $root docs man redis-cli.1]]
        set count 0
        foreach {line flag} [regexp -all -inline -line {^ {1,2}(-[^ ,\n]+)} $help] {
            set name [string range $flag 1 end]
            if {![regexp "Fl $name\\M" $manual] && ![regexp "Fl $name " $manual]} { fail "$flag is not in the manual page" }
            incr count
        }
        assert {$count > 60} $count
        set script "source [file join $root utils completion redis.bash]; COMP_WORDS=([cli_program] --key); COMP_CWORD=1; _redis_cli; echo \${COMPREPLY\[@\]}"
        assert_equal {--key --key-pass-file --keystats --keystats-samples} [exec bash -c $script]
    }

    # What bash offers for the last of WORDS; the line is what was typed.
    proc bash_offers {words} {
        set script {
            source "$1"; shift
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
            _redis_cli
            echo "${COMPREPLY[@]}"
        }
        return [lsort [exec bash -c $script bash [file join $::root utils completion redis.bash] {*}$words]]
    }

    test "cli: bash completes commands and subcommands" {
        set start [concat [list [cli_program]] [cli_target]]
        assert_equal strlen [bash_offers [concat $start strl]]
        assert_equal strlen [bash_offers [concat $start {--json -r 3 STRL}]]
        assert_equal {resetstat rewrite} [bash_offers [concat $start {config re}]]
        assert_equal {} [bash_offers [concat $start {config get re}]]
        assert_equal {} [bash_offers [concat $start {get strl}]]
        assert_equal {no yes} [bash_offers [concat $start [list --show-pushes ""]]]
        if {![srv tls]} {
            assert_equal strlen [bash_offers [list [cli_program] -u redis://127.0.0.1:[srv port] strl]]
        }
    } {command:command}

    # The line that zsh makes of LINE and TAB.
    proc zsh_completes {line} {
        global root work_dir
        set script {
            zmodload zsh/zpty
            zpty z "TERM=xterm zsh -f -i"
            zpty -w z "stty columns 1000; fpath=($1 \$fpath); autoload -U compinit; compinit -u -D"
            zpty -w z "show() { zle -I; print -r -- \"<\$BUFFER>\" }; zle -N show; bindkey '^X' show"
            zpty -w z "bindkey '^I' complete-word; print REA''DY"
            zpty -r -m z text '*READY*'
            zpty -w -n z "$2"$'\t\x18'
            zpty -r -m z text '*<*>*'
            print -r -- "${${text##*<}%%>*}"
            zpty -d z
        }
        return [exec timeout 60 zsh -f -c $script zsh [file join $root utils completion] $line]
    }

    if {[auto_execok zsh] eq ""} {
        emit @skip "cli: zsh completes flags, files, commands and subcommands" "zsh is not installed"
    } else {
        test "cli: zsh completes flags, files, commands and subcommands" {
            set start [concat [list [cli_program]] [cli_target]]
            set folder [file join $work_dir folder]
            file mkdir $folder
            write_file [file join $folder only] ""
            foreach {typed completed} [list --tls-inf "--tls-info " "--cacert $folder/o" "--cacert $folder/only " \
                "--show-pushes y" "--show-pushes yes " strl "strlen " STRL "strlen " "--json -r 3 strl" "--json -r 3 strlen " \
                "config rew" "config rewrite " "get strl" "get strl"] {
                assert_equal "$start $completed" [zsh_completes "$start $typed"]
            }
            if {![srv tls]} {
                set start "[cli_program] -u redis://127.0.0.1:[srv port]"
                assert_equal "$start strlen " [zsh_completes "$start strl"]
            }
            set benchmark [file join [file dirname [cli_program]] redis-benchmark]
            if {[file executable $benchmark]} {
                assert_equal "$benchmark --data-size-range " [zsh_completes "$benchmark --data-size-r"]
            }
        } {command:command}
    }

    if {$has_expect} {
        proc start_live {args} {
            uplevel #0 [list spawn -noecho sh -c {stty rows 24 columns 80; "$@"; echo "code $?"; stty -a} sh \
                [cli_program] {*}[cli_target] --live -i 0.2 {*}$args]
        }
        proc see_live {pattern} {
            global expect_out
            expect -timeout 30 -re $pattern {} timeout { fail "the terminal does not show $pattern" } \
                eof { fail "it ended before $pattern" }
        }
        proc assert_terminal_is_back {} {
            see_live {\x1b\[\?25h\x1b\[\?1049l}
            see_live {code 0.* icanon.* echo }
            expect -timeout 30 eof
            wait
        }

        test "cli --live on a terminal of 80x24: pages, q, the terminal afterwards" {
            start_live
            see_live {\x1b\[\?1049h\x1b\[\?25l}
            see_live {q quits}
            for {set i 0} {$i < 100} {incr i} { r set key:$i v }
            see_live {Throughput   [1-9]\d* ops/s}
            see_live {\x1b\[H}
            see_live {(?n)^(.*)\x1b\[H}
            send q
            assert_terminal_is_back
        }

        test "cli --live gives the terminal back after a signal" {
            foreach signal {INT TERM HUP} {
                start_live
                see_live {Biggest clients}
                set shell [exp_pid]
                exec pkill -$signal -P $shell
                assert_terminal_is_back
            }
        }

        test "cli --live goes on when the server comes back" {
            start_live
            see_live {Biggest clients}
            r client kill type normal skipme yes
            see_live {trying again}
            see_live {Biggest clients}
            send q
            assert_terminal_is_back
        }
    }

    if {[auto_execok tmux] ne ""} {
        test "cli --live in tmux" {
            set tmux [list tmux -L sluice-test-[pid] -f /dev/null]
            set words [cli_target]
            exec {*}$tmux new-session -d -x 80 -y 24 "[cli_program] $words --live -i 0.2"
            try {
                wait_until 1 10 {
                    string match "*Throughput   *ops/s*CPU          main*Slowest commands*" \
                        [exec {*}$tmux capture-pane -p]
                }
                set lines [split [exec {*}$tmux capture-pane -p] \n]
                assert_match " 127.0.0.1:[srv port] * q quits" [lindex $lines 0]
                assert_match "CPU * main *% *all *% *" [lsearch -inline $lines CPU*]
                # It follows the window's size, in both directions.
                foreach {columns rows} {132 40 60 12} {
                    exec {*}$tmux resize-window -x $columns -y $rows
                    wait_until $columns 10 {
                        string length [lindex [split [exec {*}$tmux capture-pane -p] \n] 0]
                    }
                    assert_match "* q quits" [lindex [split [exec {*}$tmux capture-pane -p] \n] 0]
                    assert_match "*Throughput *CPU *" [exec {*}$tmux capture-pane -p]
                }
            } finally {
                exec {*}$tmux send-keys q
                wait_until 1 10 { catch {exec {*}$tmux has-session 2>@1} }
            }
        }
    }
}
