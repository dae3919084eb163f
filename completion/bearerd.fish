# fish completion for bearerd(1)

set -l commands run check login status wait journal
complete -c bearerd -f
complete -c bearerd -s c -l config -r -F -d 'the configuration file'
complete -c bearerd -s h -l help -d 'print help and exit'
complete -c bearerd -n "not __fish_seen_subcommand_from $commands" -l version -d 'print the version and exit'
complete -c bearerd -n "not __fish_seen_subcommand_from $commands" -a run -d 'serve in the foreground'
complete -c bearerd -n "not __fish_seen_subcommand_from $commands" -a check -d 'validate the configuration'
complete -c bearerd -n "not __fish_seen_subcommand_from $commands" -a login -d 'log in once and report the result'
complete -c bearerd -n "not __fish_seen_subcommand_from $commands" -a status -d 'show the state of the running bearerd'
complete -c bearerd -n "not __fish_seen_subcommand_from $commands" -a wait -d 'wait until the running bearerd is ready'
complete -c bearerd -n "not __fish_seen_subcommand_from $commands" -a journal -d 'list the mutations that were sent and their outcomes'
complete -c bearerd -n '__fish_seen_subcommand_from check' -l settings -d 'check the settings alone'
complete -c bearerd -n '__fish_seen_subcommand_from check login' -l service -x -a 'bearerd bearerd@' -d 'run as this unit would'
complete -c bearerd -n '__fish_seen_subcommand_from status' -l json -d 'print the answer as JSON'
complete -c bearerd -n '__fish_seen_subcommand_from wait' -l timeout -x -a '10s 30s 1m 5m' -d 'give up after this time'
complete -c bearerd -n '__fish_seen_subcommand_from journal' -l unresolved -d 'only those of unknown outcome'
complete -c bearerd -n '__fish_seen_subcommand_from journal' -l json -d 'an object a line'
complete -c bearerd -n '__fish_seen_subcommand_from journal' -a close -d 'close one of unknown outcome by hand'
complete -c bearerd -n '__fish_seen_subcommand_from journal' -l unheard -d 'only those executed whose app was gone'
complete -c bearerd -n '__fish_seen_subcommand_from journal' -l key -x -d 'only this key'
complete -c bearerd -n '__fish_seen_subcommand_from journal' -l executed -x -a 'yes no unknown' -d 'close: what was found out'
complete -c bearerd -n '__fish_seen_subcommand_from journal' -l reason -x -d 'close: how that is known'
