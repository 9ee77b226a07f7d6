"""The sites that Google's default channel group counts as search engines, social networks, shops and video sites.

The sites come from Google's list of 819 "GA4 default channel group sources", to which
support.google.com/analytics/answer/9756891 links. The lists here are shorter, but cover all 819 sources:
sql/sessions/from_ga4.sql treats mobile and country hosts (m.facebook.com, uk.search.yahoo.com) as the site itself, and
NAME.com as NAME.
"""


def _names(text: str) -> list[str]:
    return text.split()


SEARCH_SITES = _names("""
    360.cn alice aol ask auone avg babylon baidu biglobe biglobe.co.jp biglobe.ne.jp bing centrum.cz cnn comcast
    conduit daum daum.net dogpile duckduckgo ecosia.org email.seznam.cz eniro espanol.search.yahoo.com exalead.com
    excite.com firmy.cz globo google google-play incredimail kvasir lens.google.com lite.qwant.com lycos
    mail.rambler.ru mail.ru mail.yandex.ru malaysia.search.yahoo.com msn najdi naver news.google.com ntp.msn.com
    onet onet.pl play.google.com qwant rakuten rakuten.co.jp rambler rambler.ru search-results search.aol.co.uk
    search.aol.com search.google.com search.naver.com search.smt.docomo.ne.jp search.ukr.net search.yahoo.com
    secureurl.ukr.net seznam seznam.cz so.com sogou sp-web.search.auone.jp startsiden startsiden.no suche.aol.de
    terra tut.by ukr virgilio wap.sogou.com webmaster.yandex.ru websearch.rakuten.co.jp yahoo yahoo.co.jp yandex
    yandex.by yandex.com.tr yandex.fr yandex.kz yandex.ru yandex.ua yandex.uz zen.yandex.ru
""")

SOCIAL_SITES = _names("""
    43things 51.com 5ch.net academia.edu activerain activeworlds addthis airg.ca allnurses.com allrecipes.com
    alumniclass ameba.jp ameblo.jp americantowns amp.reddit.com ancestry.com anobii answerbag answers.yahoo.com
    aolanswers apps.facebook.com artstation.com askubuntu asmallworld.com athlinks away.vk.com awe.sm baby-gaga
    babyblog.ru badoo bebo beforeitsnews bharatstudent biip.no biswap.org bit.ly blackcareernetwork.com blackplanet
    blip.fm blog.com blog.feedspot.com blog.goo.ne.jp blog.naver.com blog.yahoo.co.jp blogg.no bloggang.com blogger
    blogher bloglines blogs.com blogsome blogspot blogster blurtit bookmarks.yahoo.co.jp bookmarks.yahoo.com
    brightkite brizzly business.facebook.com buzzfeed buzznet cafe.naver.com cafemom camospace canalblog.com
    care.com care2 caringbridge.org catster cbnt.io cellufun centerblog.net chat.zalo.me chegg.com chicagonow
    chiebukuro.yahoo.co.jp classmates classquest cocolog-nifty copainsdavant.linternaute.com couchsurfing.org
    cozycot cross.tv crunchyroll cyworld dailystrength.org deluxe.com deviantart dianping digg diigo
    discover.hubpages.com disqus dogster dol2day doostang dopplr douban draft.blogger.com draugiem.lv drugs-forum
    dzone edublogs.org elftown epicurious.com everforo.com exblog.jp extole facebook faceparty fandom.com fanpop
    fark fb fb.me fc2 feedspot feministing filmaffinity flickr flipboard folkdirect foodservice
    forums.androidcentral.com forums.crackberry.com forums.imore.com forums.nexopia.com forums.webosnation.com
    forums.wpcentral.com fotki fotolog foursquare free.facebook.com friendfeed fruehstueckstreff.org fubar
    gaiaonline gamerdna gather.com geni.com getpocket.com glassboard glassdoor godtube goldenline.pl goldstar goo.gl
    gooblog goodreads google+ googlegroups.com googleplus govloop gowalla gree.jp groups.google.com gulli.com
    gutefrage.net habbo hatena hatena.ne.jp hi5 hootsuite houzz hoverspot hr.com hubculture hubpages.com hyves.net
    hyves.nl ibibo identi.ca ig imageshack imageshack.us imvu insanejournal instagram instapaper internations.org
    interpals.net intherooms irc-galleria.net is.gd italki jammerdirect jappy.com jappy.de kaboodle.com kakao
    kakaocorp.com kaneva kin.naver.com last.fm librarything lifestream.aol.com line line.me linkedin listal
    listography livedoor.com livedoorblog livejournal lnkd.in mbga.jp medium.com meetin.org meetup meinvz.net
    meneame.net menuism.com messages.google.com messages.yahoo.co.jp messenger mix.com mixi.jp mocospace mouthshut
    movabletype mubi myanimelist.net myheritage mylife mymodernmet myspace netvibes news.ycombinator.com
    newsshowcase nexopia ngopost.org niconico nicovideo.jp nightlifelink ning odnoklassniki.ru odnoklassniki.ua
    okwave.jp old.reddit.com oneworldgroup.org onstartups opendiary opera.com oshiete.goo.ne.jp out.reddit.com
    over-blog.com overblog.com paper.li partyflock.nl photobucket pinboard pinboard.in pingsta pinterest
    pinterest.at pinterest.ca pinterest.ch pinterest.cl pinterest.co.kr pinterest.co.uk pinterest.com.au
    pinterest.com.mx pinterest.de pinterest.es pinterest.fr pinterest.it pinterest.jp pinterest.nz pinterest.ph
    pinterest.pt pinterest.ru pinterest.se pixiv.net playahead.se plurk plus.google.com plus.url.google.com
    pocket.co posterous pro.homeadvisor.com pulse.yahoo.com qapacity quechup quora qzone.qq.com ravelry reddit redux
    renren researchgate.net reunion reverbnation rtl.de ryze salespider scoop.it screenrant scribd scvngr secondlife
    serverfault shareit sharethis shvoong.com sites.google.com skype skyrock slashdot.org slideshare.net
    smartnews.com snapchat social sociallife.com.br socialvibe spaces.live.com spoke spruz ssense.com stackapps
    stackexchange stackoverflow stardoll.com stickam studivz.net suomi24.fi superuser sweeva t.co t.me tagged
    taggedmail talkbiznow taringa.net techmeme tencent tiktok tinyurl toolbox travellerspoint tripadvisor trombi
    trustpilot tudou tuenti tumblr tweetdeck twitter twoo.com typepad unblog.fr urbanspoon.com ushareit.com ushi.cn
    vampirefreaks vampirerave vg.no video.ibm.com vk.com vkontakte.ru wakoopa wattpad webshots wechat weebly weibo
    wer-weiss-was.de weread whatsapp wiki.answers.com wikihow.com wikitravel.org woot.com wordpress wordpress.org
    xanga xing yahoo-mbga.jp yammer yelp yelp.co.uk youroom.in zalo zoo.gr zooppa
""")

SHOPPING_SITES = [
    "google shopping",
    *_names("""
    aax-us-east.amazon-adsystem.com aax.amazon-adsystem.com alibaba amazon amazon.co.uk apps.shopify.com
    checkout.shopify.com checkout.stripe.com cr2.shopping.naver.com ebay ebay.co.uk ebay.com.au ebay.de etsy
    igshopping mercadolibre mercadolibre.com.ar mercadolibre.com.mx message.alibaba.com msearch.shopping.naver.com
    offer.alibaba.com one.walmart.com order.shopping.yahoo.co.jp partners.shopify.com s3.amazonaws.com shop.app
    shopify shopping.naver.com shopping.net shopping.yahoo.co.jp shopping.yahoo.com shopzilla simplycodes.com
    store.shopping.yahoo.co.jp stripe walmart
    """),
]

VIDEO_SITES = _names("""
    blog.twitch.tv crackle curiositystream d.tube dailymotion dashboard.twitch.tv disneyplus fast.wistia.net
    help.hulu.com help.netflix.com hulu iq.com iqiyi jobs.netflix.com justin.tv music.youtube.com netflix
    player.twitch.tv player.vimeo.com ted twitch twitch.tv utreon veoh viadeo.journaldunet.com vimeo wistia youku
    youtube
""")

# The lists as query parameters of sql/sessions/from_ga4.sql.
PARAMETERS = {
    "search_sites": SEARCH_SITES,
    "social_sites": SOCIAL_SITES,
    "shopping_sites": SHOPPING_SITES,
    "video_sites": VIDEO_SITES,
}
