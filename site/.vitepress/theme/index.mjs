/* VitePress's own theme, in the book's type and colours, and what is alive in it. */
import {defineAsyncComponent} from 'vue';
import Theme from 'vitepress/theme-without-fonts';
import './style.css';
import './alive.css';

export default {
    extends: Theme,
    enhanceApp({app}) {
        app.component('Watch', defineAsyncComponent(() => import('./Watch.vue')));
        app.component('WatchFigure', defineAsyncComponent(() => import('./WatchFigure.vue')));
        app.component('Machine', defineAsyncComponent(() => import('./Machine.vue')));
    },
};
