"""Names for runs that were given none: an adjective, an animal and a number below 1000."""

import os

_ADJECTIVES = (
    "able agile airy amber ample apt avid balmy bold brave breezy bright brisk calm candid chatty clever cosy crisp curious "
    "daring deft dewy eager early earnest easy fair fancy fine fleet fond frank free fresh frosty gentle gifted glad golden "
    "grand happy hardy hasty honest humble jolly keen kind lively lone loyal lucky lunar mellow merry mighty mild misty modest "
    "neat nimble noble patient placid plucky polite prime proud quick quiet rapid ready rosy royal rustic serene sharp shiny shy "
    "silent silky silver sleek smart snowy sober solar spry steady stoic sturdy subtle sunny swift tidy tireless tranquil trusty "
    "upbeat valiant vivid warm wary wise witty young zesty"
)

_ANIMALS = (
    "adder alpaca badger bat bear beaver bee bison boar bobcat buzzard camel caribou carp cat cheetah cicada civet cobra cod colt "
    "condor coot coyote crab crane cricket crow deer dingo dolphin dove duck eagle eel egret elk emu falcon ferret finch fox frog "
    "gazelle gecko gibbon goat goose grouse gull hare hawk heron hippo horse hyena ibex ibis iguana impala jackal jaguar jay kestrel "
    "kite kiwi koala lark lemur leopard linnet lion lizard llama loon lynx magpie marten mink mole moose moth mouse newt ocelot "
    "octopus orca osprey otter owl ox panda parrot perch petrel pigeon pike plover pony puffin puma quail rabbit raven robin rook "
    "salmon seal shrew shrike skunk sloth snail snipe sparrow squid stag stoat stork swan tapir tern thrush tiger toad trout turtle "
    "viper vole walrus wasp weasel whale wolf wombat wren yak zebra"
)

ADJECTIVES = tuple(_ADJECTIVES.split())
ANIMALS = tuple(_ANIMALS.split())


def random_name() -> str:
    """A name such as ``brisk-otter-417``; two runs may get the same one."""
    number = int.from_bytes(os.urandom(8), "big")
    number, adjective = divmod(number, len(ADJECTIVES))
    number, animal = divmod(number, len(ANIMALS))
    return f"{ADJECTIVES[adjective]}-{ANIMALS[animal]}-{number % 1000}"


def random_run_id() -> str:
    """A fresh run id: a random UUID (version 4) as 32 hexadecimal digits, made without importing uuid."""
    digits = bytearray(os.urandom(16))
    digits[6] = digits[6] & 0x0F | 0x40
    digits[8] = digits[8] & 0x3F | 0x80
    return digits.hex()
